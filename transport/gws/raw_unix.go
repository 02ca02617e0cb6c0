//go:build unix

package gws

import (
	"io"
	"net"
	"os"
	"syscall"
)

// lookFirst has a plain socket read from when there is something: so there need be no
// buffer while there is not. What wraps one has a Read of its own, for a reason.
func (w *wire) lookFirst() {
	var socket syscall.Conn
	switch c := w.Conn.(type) {
	case *net.TCPConn:
		socket = c
	case *net.UnixConn:
		socket = c
	default:
		return
	}
	if raw, err := socket.SyscallConn(); err == nil { // else the first Read will tell
		w.raw, w.look = raw, w.read
	}
}

// read reads what there is, without waiting. If that is nothing, it gives back the
// burst and says false, and is called again when there is something.
func (w *wire) read(fd uintptr) (found bool) {
	b := w.owner.gather()
	n, err := syscall.Read(int(fd), b.bytes[:])
	for err == syscall.EINTR {
		n, err = syscall.Read(int(fd), b.bytes[:])
	}
	switch {
	case err == syscall.EAGAIN:
		w.owner.rest()
		return false
	case err != nil:
		w.err = os.NewSyscallError("read", err)
	case n == 0:
		w.err = io.EOF
	default:
		w.ahead = b.bytes[:n]
	}
	return true
}
