package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/coder/websocket"

	"github.com/spinneyio/est/core"
)

// client is a user who comes, adds, and goes, over and over; from quiet on stays, and
// says nothing; and from goodbye on is gone.
type client struct {
	l       *ledger
	servers []*process
	user    string
	room    string
	rand    *rand.Rand
	quiet   <-chan struct{}
	goodbye <-chan struct{}
	adds    int
}

// run ends at goodbye.
func (c *client) run() {
	for !done(c.goodbye) {
		p := c.servers[c.rand.IntN(len(c.servers))]
		if addr, number := p.where(); addr == "" || !c.visit(p, number, addr) {
			select {
			case <-time.After(time.Duration(50+c.rand.IntN(200)) * time.Millisecond):
			case <-c.goodbye:
			}
		}
	}
}

func done(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// visit is one connection. It says false if that did not come about.
func (c *client) visit(p *process, number int, addr string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	conn, _, err := websocket.Dial(ctx, "ws://"+addr, nil)
	cancel()
	if err != nil {
		return false
	}
	defer conn.CloseNow()
	s := &session{l: c.l, p: p, number: number, room: c.room,
		told: map[int]bool{}, pending: map[string]bool{}, left: map[core.ConnID]bool{}}
	ended := make(chan websocket.StatusCode, 1)
	go func() { ended <- s.read(conn) }()
	c.write(conn, frame{User: c.user, Room: c.room})
	code, own := c.stay(conn, s, ended)
	s.end(code, own)
	return true
}

// read reads to the end of the connection.
func (s *session) read(conn *websocket.Conn) websocket.StatusCode {
	for {
		_, text, err := conn.Read(context.Background())
		if err != nil {
			return websocket.CloseStatus(err)
		}
		var f frame
		if err := json.Unmarshal(text, &f); err != nil {
			panic(fmt.Sprintf("%s: %v", text, err))
		}
		s.take(f)
	}
}

// stay acts until the connection has ended, and says whether that was the client's
// own doing.
func (c *client) stay(conn *websocket.Conn, s *session, ended <-chan websocket.StatusCode) (code websocket.StatusCode, own bool) {
	quiet := c.quiet
	for {
		var next <-chan time.Time
		if quiet != nil {
			next = time.After(time.Duration(c.rand.IntN(1500)) * time.Millisecond)
		}
		select {
		case code := <-ended:
			return code, false
		case <-quiet:
			quiet = nil
		case <-c.goodbye:
			_ = conn.Close(websocket.StatusNormalClosure, "")
			return <-ended, true
		case <-next:
			switch k := c.rand.IntN(40); {
			case k == 0:
				_ = conn.Close(websocket.StatusNormalClosure, "")
				return <-ended, true
			case k == 1:
				_ = conn.CloseNow() // without a word
				return <-ended, true
			default:
				c.add(conn, s)
			}
		}
	}
}

func (c *client) add(conn *websocket.Conn, s *session) {
	c.adds++
	name := fmt.Sprintf("%s/%d", c.user, c.adds)
	s.l.mu.Lock()
	joined := s.conn != ""
	if joined {
		s.pending[name] = true
	}
	s.l.mu.Unlock()
	if joined {
		c.write(conn, frame{Add: name})
	}
}

// write gives up on a server that does not read.
func (c *client) write(conn *websocket.Conn, f frame) {
	text, err := json.Marshal(f)
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = conn.Write(ctx, websocket.MessageText, text) // who is closed finds out by reading
}
