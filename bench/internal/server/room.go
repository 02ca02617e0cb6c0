package server

import (
	"net"
	"net/http"
	"strconv"
	"sync"

	"github.com/lxzan/gws"

	"github.com/spinneyio/est/bench/internal/wire"
)

// Rooms by hand over gws: a mutex for each room, and three ways to write to its
// members.

// output is a way to write to many.
type output int

const (
	broadcaster output = iota // gws's own
	frames                    // a frame made once, written to one after the other
	flushers                  // the same, into buffers that two goroutines write
)

type rooms struct {
	env  *env
	out  output
	made func(*room) error // called for each new room

	mu  sync.Mutex // protects all
	all map[string]*room
}

type room struct {
	name string

	mu       sync.Mutex // protects what follows, and the order of messages
	members  []*member
	counters map[string]int

	shared *shared // Redis: what this process knows of it
}

// member is a connection and, for gws, its own session storage: so it is found
// without a map.
type member struct {
	gws.SessionStorage
	rooms *rooms
	room  *room
	n     int // which connection of the load generator
	place int // in room.members; -1: only sends
	conn  *gws.Conn
	raw   net.Conn
}

func newRooms(e *env, out output) *rooms {
	rs := &rooms{env: e, out: out, all: map[string]*room{}, made: func(*room) error { return nil }}
	e.sum = rs.sum
	return rs
}

func (rs *rooms) get(name string) (*room, error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r := rs.all[name]
	if r == nil {
		r = &room{name: name, counters: map[string]int{}}
		if err := rs.made(r); err != nil {
			return nil, err
		}
		rs.all[name] = r
	}
	return r, nil
}

func (rs *rooms) sum() (sum int64) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, r := range rs.all {
		r.mu.Lock()
		for _, n := range r.counters {
			sum += int64(n)
		}
		r.mu.Unlock()
	}
	return sum
}

// relay passes messages on.
func relay(out output) maker {
	return func(e *env) (func() error, error) {
		rs := newRooms(e, out)
		return rs.serve(func(m *member, p []byte) {
			p = append([]byte(nil), p...)
			m.room.mu.Lock()
			defer m.room.mu.Unlock()
			rs.send(m.room, p, m.n)
		}), nil
	}
}

// count decodes messages, changes the room's state, and tells.
func count(out output) maker {
	return func(e *env) (func() error, error) {
		rs := newRooms(e, out)
		return rs.serve(func(m *member, p []byte) {
			in := decode(p)
			r := m.room
			r.mu.Lock()
			defer r.mu.Unlock()
			r.counters[in.Key] += in.N
			rs.send(r, told(in, r.counters[in.Key]), m.n)
		}), nil
	}
}

func decode(p []byte) wire.In {
	var in wire.In
	must(standard.decode(p, &in))
	return in
}

func told(in wire.In, value int) []byte {
	p, err := standard.encode(wire.Out{TS: in.TS, C: in.C, Key: in.Key, Val: value, Pad: in.Pad})
	must(err)
	return p
}

// send gives p to the members but skip. r.mu is held, so all see one order.
func (rs *rooms) send(r *room, p []byte, skip int) {
	if rs.out == broadcaster {
		b := gws.NewBroadcaster(gws.OpcodeText, p)
		defer b.Close()
		for _, m := range r.members {
			if m.n != skip {
				_ = b.Broadcast(m.conn) // gws ends the connection itself
			}
		}
		return
	}
	frame := wire.TextFrame(p)
	for _, m := range r.members {
		if m.n != skip {
			_, _ = m.raw.Write(frame) // who reads finds out
		}
	}
}

func (rs *rooms) serve(handle func(*member, []byte)) func() error {
	if rs.out == flushers {
		rs.env.listener = wire.NewFlushedListener(rs.env.listener)
	}
	s := gws.NewServer(roomEvents{handle: handle}, &gws.ServerOption{
		NewSession: func() gws.SessionStorage { return &member{rooms: rs} },
		Authorize: func(r *http.Request, s gws.SessionStorage) bool {
			q := r.URL.Query()
			m := s.(*member)
			var err error
			if m.n, err = strconv.Atoi(q.Get("c")); err != nil {
				return false
			}
			if q.Get("role") == "send" {
				m.place = -1
			}
			m.room, err = rs.get(q.Get("room"))
			return err == nil && q.Get("token") != ""
		},
	})
	return func() error { return s.RunListener(rs.env.listener) }
}

type roomEvents struct {
	gws.BuiltinEventHandler
	handle func(*member, []byte)
}

func (roomEvents) OnOpen(c *gws.Conn) {
	m := c.Session().(*member)
	m.conn, m.raw = c, c.NetConn()
	if r := m.room; m.place >= 0 {
		r.mu.Lock()
		m.place = len(r.members)
		r.members = append(r.members, m)
		r.mu.Unlock()
	}
	m.rooms.env.conns.Add(1)
}

func (roomEvents) OnClose(c *gws.Conn, _ error) {
	m := c.Session().(*member)
	if r := m.room; m.place >= 0 {
		r.mu.Lock()
		last := len(r.members) - 1
		r.members[m.place] = r.members[last]
		r.members[m.place].place = m.place
		r.members = r.members[:last]
		r.mu.Unlock()
	}
	m.rooms.env.conns.Add(-1)
}

func (h roomEvents) OnMessage(c *gws.Conn, p *gws.Message) {
	h.handle(c.Session().(*member), p.Bytes())
	_ = p.Close() // its error is always nil
}
