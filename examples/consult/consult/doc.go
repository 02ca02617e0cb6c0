// Package consult is the application of the command consult: a dietitian and a
// client talk in a room. [Integration] is the whole of it, and pure; [Serve] runs
// it on any broker, with a web page in front.
package consult
