package server

import (
	"context"
	"net/http"
	"time"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
	"github.com/olahol/melody"
)

// Echoes and rooms with gorilla, coder and melody, as their users write them.

func gorillaEcho(e *env) (func() error, error) {
	var u gorilla.Upgrader
	return serveHTTP(e, admitted(func(w http.ResponseWriter, r *http.Request) {
		c, err := u.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		e.conns.Add(1)
		go func() {
			defer e.conns.Add(-1)
			defer c.Close()
			for {
				kind, p, err := c.ReadMessage()
				if err != nil || c.WriteMessage(kind, standard.roundTrip(p)) != nil {
					return
				}
			}
		}()
	})), nil
}

func coderEcho(e *env) (func() error, error) {
	return serveHTTP(e, admitted(func(w http.ResponseWriter, r *http.Request) {
		c, err := coder.Accept(w, r, nil)
		if err != nil {
			return
		}
		e.conns.Add(1)
		defer e.conns.Add(-1)
		ctx := context.Background()
		for {
			kind, p, err := c.Read(ctx)
			if err != nil || c.Write(ctx, kind, standard.roundTrip(p)) != nil {
				return
			}
		}
	})), nil
}

func melodyServer(handle func(*melody.Melody, *melody.Session, []byte)) maker {
	return func(e *env) (func() error, error) {
		m := melody.New()
		m.HandleConnect(func(*melody.Session) { e.conns.Add(1) })
		m.HandleDisconnect(func(*melody.Session) { e.conns.Add(-1) })
		m.HandleMessage(func(s *melody.Session, p []byte) { handle(m, s, p) })
		return serveHTTP(e, admitted(func(w http.ResponseWriter, r *http.Request) {
			_ = m.HandleRequestWithKeys(w, r, map[string]any{"user": token(r)}) // it has answered the client
		})), nil
	}
}

// gorillaHub is the room of gorilla's chat example: one goroutine has the set of
// clients, and each client has one that writes.
func gorillaHub(e *env) (func() error, error) {
	type client struct {
		conn *gorilla.Conn
		send chan []byte
	}
	join, messages := make(chan *client), make(chan []byte, 256)
	go func() {
		all := map[*client]bool{}
		for {
			select {
			case c := <-join:
				all[c] = true
				e.conns.Add(1)
			case p := <-messages:
				for c := range all {
					select {
					case c.send <- p:
					default:
						delete(all, c)
						close(c.send)
					}
				}
			}
		}
	}()
	write := func(c *client) {
		defer c.conn.Close()
		for p := range c.send {
			_ = c.conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
			if c.conn.WriteMessage(gorilla.TextMessage, p) != nil {
				return
			}
		}
	}
	var u gorilla.Upgrader
	return serveHTTP(e, admitted(func(w http.ResponseWriter, r *http.Request) {
		conn, err := u.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		if r.URL.Query().Get("role") == "send" {
			e.conns.Add(1)
		} else {
			c := &client{conn, make(chan []byte, 256)}
			join <- c
			go write(c)
		}
		go func() {
			for {
				_, p, err := conn.ReadMessage()
				if err != nil {
					return
				}
				messages <- p
			}
		}()
	})), nil
}
