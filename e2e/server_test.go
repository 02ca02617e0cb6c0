package e2e

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/memory"
	"github.com/spinneyio/est/transport/gws"
)

const (
	hello   = `{"user":"x"}`
	welcome = `{"id":"auth","success":true}` // the answer to a hello
)

// rate is how many messages a second a client may send, averaged over ten seconds.
const rate = 100

// server is an instance of echo on a loopback port, with short limits.
type server struct{ url string }

func serve(t *testing.T) *server {
	t.Helper()
	b := memory.New(nil)
	i, err := instance.New(echo, b, &instance.Options{
		HelloTimeout: 200 * time.Millisecond,
		Rate:         rate,
		Logger:       slog.New(slog.DiscardHandler), // it has a lot to report
	})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	http := &http.Server{Handler: gws.Handler(i, &gws.Options{
		WriteTimeout: patience, // a client of these tests reads when it has sent
		CloseWait:    patience,
	})}
	served := make(chan error, 1)
	go func() { served <- http.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := errors.Join(i.Shutdown(ctx), http.Shutdown(ctx), b.Close(ctx)); err != nil {
			t.Error(err)
		}
		<-served
	})
	return &server{url: "http://" + listener.Addr().String()}
}

// echo answers each object with itself, or misbehaves as it is told.
var echo = core.Integration[string, int]{
	Name: "echo",
	Authenticate: func(_ core.Conn, hello core.Message) (string, *core.Failure) {
		var h struct{ User string }
		if err := hello.Decode(&h); err != nil {
			return "", &core.Failure{Code: 1, Errors: map[string]string{"auth": "who?"}}
		}
		if h.User == "panic" {
			panic("in the hello")
		}
		return h.User, nil
	},
	Identity: func(_ core.Conn, user string) string { return user },
	Room:     func(core.Conn, string) string { return "everyone" },
	Join: func(core.Conn, string, int) core.Outcome[string, int] {
		return core.Outcome[string, int]{Reply: core.Message(welcome)}
	},
	Receive: func(_ core.Conn, _ string, _ int, msg core.Message) core.Outcome[string, int] {
		var order struct {
			Panic, Invalid, Close bool
			Tell                  string
		}
		if err := msg.Decode(&order); err != nil {
			return core.Outcome[string, int]{Fail: &core.Failure{Code: 1, Errors: map[string]string{"comm": "what?"}}}
		}
		out := core.Outcome[string, int]{Reply: msg}
		switch {
		case order.Panic:
			panic(errors.New("in Receive"))
		case order.Invalid:
			out.Fail = &core.Failure{Code: 1}
		case order.Close:
			out.Close = core.CloseNormal
		case order.Tell != "":
			out.Publish = []core.Publication{core.To(order.Tell, msg)}
		}
		return out
	},
	Leave: func(core.Conn, string, int) (none core.Outcome[string, int]) { return none },
}
