package gws

import (
	"encoding/binary"
	"net"
	"sync/atomic"
	"time"
)

// wire is the net.Conn that gws sees. It lets gws read, and answer the
// handshake, and swallows all else that gws would do to the client.
type wire struct {
	net.Conn
	owner *conn

	early  []byte // what came right behind the handshake, to be read first
	shaken bool   // gws has answered the handshake

	// verdict is the code of the close frame that gws has tried to send: what it
	// thinks of what it read. Valid once its read loop has ended.
	verdict uint16

	// listening is since when the peer has been silent, counted from the handler's
	// epoch. 0 while nobody listens, because something came and is being handled:
	// a peer that has to wait for us isn't silent.
	listening atomic.Int64
}

func (w *wire) Read(p []byte) (int, error) {
	if len(w.early) > 0 {
		n := copy(p, w.early)
		w.early = w.early[n:]
		return n, nil
	}
	w.owner.receiveLast()
	w.listening.Store(int64(w.owner.now()))
	n, err := w.Conn.Read(p)
	w.listening.Store(0)
	return n, err
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
