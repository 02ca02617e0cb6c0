package gws

import (
	"encoding/binary"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// wire is the net.Conn that gws sees. It lets gws read, and answer the
// handshake, and swallows all else that gws would do to the client.
type wire struct {
	net.Conn
	owner *conn

	// ahead is what was read and gws does not have yet. At first it is what came right
	// behind the handshake.
	ahead []byte

	// A plain socket is asked by raw whether there is something, and read from into
	// the burst by look. raw is nil for others: they are read from into what gws has to
	// wait with, and into the burst when that was full.
	raw  syscall.RawConn
	look func(fd uintptr) (found bool)
	err  error // of look
	full bool

	shaken bool // gws has answered the handshake

	// verdict is the code of the close frame that gws has tried to send: what it
	// thinks of what it read. Valid once its read loop has ended.
	verdict uint16

	// listening is since when the peer has been silent, counted from the handler's
	// epoch. 0 while nobody listens, because something came and is being handled:
	// a peer that has to wait for us isn't silent.
	listening atomic.Int64
}

// Read implements net.Conn. Before it may wait, it hands in what has come.
func (w *wire) Read(p []byte) (n int, err error) {
	if len(w.ahead) == 0 {
		w.ahead = nil // it may be a burst's
		w.owner.handIn()
		w.listening.Store(int64(w.owner.now()))
		n, err = w.fill(p)
		w.listening.Store(0)
	}
	if len(w.ahead) > 0 {
		n = copy(p, w.ahead)
		w.ahead = w.ahead[n:]
		return n, nil // an error that came with it comes again
	}
	return n, err
}

// fill waits until there is something ahead, or in p.
func (w *wire) fill(p []byte) (n int, err error) {
	large := len(p) >= readAhead // the rest of a large message
	switch {
	case w.raw != nil && !large:
		if err := w.raw.Read(w.look); err != nil {
			return 0, err
		}
		return 0, w.err
	case w.full && !large:
		b := w.owner.gather()
		n, err = w.Conn.Read(b.bytes[:])
		w.ahead, w.full = b.bytes[:n], n == readAhead
		return 0, err
	default:
		w.owner.rest()
		n, err = w.Conn.Read(p)
		w.full = n == len(p)
		return n, err
	}
}

// silent is for how long the peer has been so.
func (w *wire) silent() time.Duration {
	since := w.listening.Load()
	if since == 0 {
		return 0
	}
	return w.owner.now() - time.Duration(since)
}

func (w *wire) Write(p []byte) (int, error) {
	if !w.shaken {
		w.shaken = true
		return w.Conn.Write(p)
	}
	if len(p) >= 4 && p[0] == frameClose {
		w.verdict = binary.BigEndian.Uint16(p[2:])
	}
	return len(p), nil
}

func (w *wire) Close() error { return nil }
