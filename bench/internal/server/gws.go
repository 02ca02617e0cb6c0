package server

import (
	"net/http"

	"github.com/lxzan/gws"

	"github.com/spinneyio/est/bench/internal/wire"
)

// Echoes by hand over gws.

// echo answers each message by what reply makes of it.
type echo struct {
	gws.BuiltinEventHandler
	env   *env
	reply func([]byte) []byte
}

func (h *echo) OnOpen(*gws.Conn)         { h.env.conns.Add(1) }
func (h *echo) OnClose(*gws.Conn, error) { h.env.conns.Add(-1) }

func (h *echo) OnMessage(c *gws.Conn, m *gws.Message) {
	_ = c.WriteMessage(m.Opcode, h.reply(m.Bytes())) // gws ends the connection itself
	_ = m.Close()
}

// token is what every server looks at before it lets a client in.
func token(r *http.Request) string { return r.URL.Query().Get("token") }

func gwsOptions(change func(*gws.ServerOption)) *gws.ServerOption {
	o := &gws.ServerOption{
		Authorize: func(r *http.Request, s gws.SessionStorage) bool {
			t := token(r)
			s.Store("user", t)
			return t != ""
		},
	}
	if change != nil {
		change(o)
	}
	return o
}

// gwsEcho is gws with its own server.
func gwsEcho(reply func([]byte) []byte, change func(*gws.ServerOption)) maker {
	return func(e *env) (func() error, error) {
		s := gws.NewServer(&echo{env: e, reply: reply}, gwsOptions(change))
		return func() error { return s.RunListener(e.listener) }, nil
	}
}

// turns has what is written between two reads leave together.
func turns(start maker) maker {
	return func(e *env) (func() error, error) {
		e.listener = wire.TurnListener{Listener: e.listener}
		return start(e)
	}
}

// gwsBehindHTTP is gws on net/http, as its README has it.
func gwsBehindHTTP(change func(*gws.ServerOption)) maker {
	return func(e *env) (func() error, error) {
		u := gws.NewUpgrader(&echo{env: e, reply: asItIs}, gwsOptions(change))
		return serveHTTP(e, func(w http.ResponseWriter, r *http.Request) {
			if c, err := u.Upgrade(w, r); err == nil {
				go c.ReadLoop()
			}
		}), nil
	}
}

func serveHTTP(e *env, h http.HandlerFunc) func() error {
	return func() error { return http.Serve(e.listener, h) }
}

// admitted serves clients that have a token.
func admitted(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if token(r) == "" {
			http.Error(w, "unauthorized", http.StatusUnauthorized)
			return
		}
		h(w, r)
	}
}
