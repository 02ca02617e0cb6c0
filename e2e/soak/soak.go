package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"
)

const perRoom = 10 // clients

// cluster is what is broken.
type cluster struct {
	l       *ledger
	redis   *process
	servers []*process
	ways    []*proxy
	clients map[string]int // by room
}

func soak(ctx context.Context, o options, stdout, stderr io.Writer) int {
	dir, err := os.MkdirTemp("", "est-soak")
	if err != nil {
		fmt.Fprintln(stderr, "soak:", err)
		return 1
	}
	if o.seed == 0 {
		o.seed = rand.Uint64()
	}
	fmt.Fprintf(stdout, "soak for %v: %d clients, seed %d, logs in %s\n", o.duration, o.clients, o.seed, dir)
	c := &cluster{l: newLedger(), clients: map[string]int{}}
	err = errors.Join(c.run(ctx, o, dir, stdout), c.end())
	fmt.Fprint(stdout, c.l.figures)
	for _, w := range c.l.wrong {
		err = errors.Join(err, errors.New(w))
	}
	if err != nil {
		fmt.Fprintf(stdout, "WRONG:\n%v\n", err)
		return 1
	}
	fmt.Fprintln(stdout, "all holds: no ghost, each Leave once, no update lost, no message missed without a word")
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(stderr, "soak:", err)
	}
	return 0
}

func (c *cluster) run(ctx context.Context, o options, dir string, stdout io.Writer) (err error) {
	if err := c.start(dir); err != nil {
		return err
	}
	quiet, goodbye := make(chan struct{}), make(chan struct{})
	var people sync.WaitGroup
	for n := range o.clients {
		room := fmt.Sprint("room", n/perRoom)
		c.clients[room]++
		p := &client{l: c.l, servers: c.servers, user: fmt.Sprint("u", n), room: room,
			rand: rand.New(rand.NewPCG(o.seed, uint64(n))), quiet: quiet, goodbye: goodbye}
		people.Go(p.run)
	}
	if err = c.breakFor(ctx, o); err == nil {
		fmt.Fprintln(stdout, "all works again; it settles")
	}
	close(quiet)
	if err == nil {
		err = c.settle(ctx, c.clients)
	}
	close(goodbye)
	people.Wait()
	if err == nil {
		err = c.settle(ctx, map[string]int{})
	}
	return err
}

func (c *cluster) start(dir string) (err error) {
	if c.redis, err = newRedis(dir); err != nil {
		return err
	}
	addr, _ := c.redis.where()
	for n := range 3 {
		way, err := newProxy(addr)
		if err != nil {
			return err
		}
		c.ways = append(c.ways, way)
		p, err := newServer(dir, fmt.Sprint("server", n+1), way.listener.Addr().String(), n > 0) // one is without Resync
		if err != nil {
			return err
		}
		c.servers = append(c.servers, p)
	}
	return nil
}

// breakFor breaks things for a while. When it returns they work again.
func (c *cluster) breakFor(ctx context.Context, o options) error {
	ctx, cancel := context.WithTimeout(ctx, o.duration)
	defer cancel()
	errs := make([]error, len(c.servers)+1)
	var all sync.WaitGroup
	for n := range errs {
		ch := &chaos{c.l, rand.New(rand.NewPCG(o.seed, uint64(1_000_000+n)))}
		all.Go(func() {
			if n == len(c.servers) {
				errs[n] = ch.redis(ctx, c.redis)
			} else {
				errs[n] = ch.server(ctx, c.servers[n], c.ways[n])
			}
			if errs[n] != nil {
				cancel()
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// settle waits until what the store has is what the clients have: so many in each
// room.
func (c *cluster) settle(ctx context.Context, clients map[string]int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	began := time.Now()
	for room := range c.clients {
		for {
			v, err := c.look(ctx, room)
			if err == nil {
				text := c.l.differs(room, v, clients[room])
				if text == "" {
					c.l.audit(room, v)
					break
				}
				err = errors.New(text)
			}
			if !wait(ctx, beat/2) {
				return fmt.Errorf("it has not settled within %v: %w", time.Since(began).Round(time.Second), err)
			}
		}
	}
	return nil
}

// look asks the servers for a room.
func (c *cluster) look(ctx context.Context, room string) (v view, err error) {
	for _, p := range c.servers {
		addr, _ := p.where()
		var req *http.Request
		if req, err = http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/look?room="+url.QueryEscape(room), nil); err != nil {
			return v, err
		}
		var answer *http.Response
		if answer, err = http.DefaultClient.Do(req); err != nil {
			continue
		}
		err = json.NewDecoder(answer.Body).Decode(&v)
		if err = errors.Join(err, answer.Body.Close()); err == nil {
			return v, nil
		}
	}
	return v, err
}

// end stops everything, which has to be clean.
func (c *cluster) end() (err error) {
	for _, p := range c.servers {
		if p.cmd != nil {
			err = errors.Join(err, p.stop())
		}
	}
	for _, w := range c.ways {
		w.close()
	}
	if c.redis != nil {
		c.redis.kill()
	}
	return err
}
