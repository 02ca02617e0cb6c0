// Package micro measures est in process, where there is no network to hide behind:
// a transition through the machine, and how what a message costs grows with all that
// there may be many of.
package micro
