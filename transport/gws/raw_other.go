//go:build !unix

package gws

// lookFirst does nothing: sockets can't be read from in that way here.
func (w *wire) lookFirst() {}
