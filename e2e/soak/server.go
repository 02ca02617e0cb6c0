package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/redis"
	"github.com/spinneyio/est/transport/gws"
)

// beat is the heartbeat of the servers, and lease how long one may stand still.
const (
	beat  = 500 * time.Millisecond
	lease = 5 * beat
)

// serve is a server process: an instance on the Redis at addr. It says on stdout
// where it listens. It ends by SIGTERM, or when its stdin does.
func serve(addr string, resync bool) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1) // who started us is gone
	}()
	client := goredis.NewClient(&goredis.Options{Addr: addr})
	b, err := redis.New(client, &redis.Options{Prefix: "soak"})
	for err != nil && wait(ctx, beat) { // Redis may be away
		b, err = redis.New(client, &redis.Options{Prefix: "soak"})
	}
	if err != nil {
		return err
	}
	i, err := instance.New(soaked(resync), b, &instance.Options{
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)), Heartbeat: beat, Patience: 3 * time.Second,
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", gws.Handler(i, nil))
	mux.HandleFunc("/look", func(w http.ResponseWriter, r *http.Request) { look(w, r, i) })
	server := &http.Server{Handler: mux}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	fmt.Println(listener.Addr())
	<-ctx.Done()
	closing, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err = errors.Join(i.Shutdown(closing), server.Shutdown(closing), b.Close(closing), client.Close())
	<-served
	return err
}

// view is a room as the store has it.
type view struct {
	room
	Members []core.ConnID
}

func look(w http.ResponseWriter, r *http.Request, i *instance.Instance[person, room]) {
	var v view
	key := r.URL.Query().Get("room")
	members, err := i.Members(r.Context(), key)
	if err == nil {
		err = i.Update(r.Context(), key, func(r room) (core.Change[room], []core.Publication) {
			v.room = r
			return core.Change[room]{}, nil
		})
	}
	for _, m := range members {
		v.Members = append(v.Members, m.Conn)
	}
	if err == nil {
		err = json.NewEncoder(w).Encode(v)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}
