package gws

import (
	"net"
	"testing"
)

// newWire makes one over c, without gws.
func newWire(t *testing.T, c net.Conn) *wire {
	w := &newConn(Handler(nil, nil).(*handler), c, nil).wire
	t.Cleanup(func() { w.owner.end(0, "", nil) })
	return w
}

// take reads n bytes from w, at most so many at a time.
func take(t *testing.T, w *wire, n, most int) {
	t.Helper()
	for n > 0 {
		m, err := w.Read(make([]byte, min(n, most)))
		if err != nil {
			t.Fatal(err)
		}
		n -= m
	}
}

// A connection that waits has no burst, and one that reads gets in one piece what
// there is.
func TestASocketThatWaitsHasNoBurst(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	here, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	there, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	w := newWire(t, there)
	if w.raw == nil {
		t.Skip("sockets can't be looked at here")
	}
	looks := 0
	look := w.look
	w.look = func(fd uintptr) bool {
		looks++
		found := look(fd)
		if !found {
			if w.owner.burst != nil {
				t.Error("it waits with a burst")
			}
			if looks == 1 { // only now: it has to wait
				if _, err := here.Write(make([]byte, 3000)); err != nil {
					t.Error(err)
				}
			}
		}
		return found
	}
	take(t, w, 3000, 16)
	if looks != 2 {
		t.Errorf("it looked %d times, want 2", looks)
	}
	here.Close()
	if n, err := w.Read(make([]byte, 16)); n != 0 || err == nil {
		t.Errorf("in the end %d bytes, %v", n, err)
	}
}

// What can't be looked at is read from into little space, and into a burst when that
// was full.
func TestABurstBehindASmallBuffer(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	w := newWire(t, there)
	send := func(n int) {
		go func() { _, _ = here.Write(make([]byte, n)) }() // what is missing will be seen
	}
	send(3000)
	take(t, w, keep, keep)
	if w.owner.burst != nil {
		t.Error("the first read has a burst")
	}
	take(t, w, 16, keep)
	if got, want := len(w.ahead), 3000-keep-16; got != want {
		t.Errorf("%d bytes are ahead, want %d", got, want)
	}
	take(t, w, len(w.ahead), keep)
	send(10)
	if n, err := w.Read(make([]byte, keep)); n != 10 || err != nil {
		t.Errorf("read %d bytes, %v", n, err)
	}
	if w.owner.burst != nil {
		t.Error("it waited with a burst")
	}
}
