package redis_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/redis"
)

// Health is nil exactly while messages arrive.
func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		h := must(t, n.client(goredis.Options{}), small)
		key := roomOf(t)
		is := func(want string) {
			t.Helper()
			synctest.Wait()
			if err := h.Health(); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Fatalf("health is %v; want %q", err, want)
			}
		}
		is("")
		l := listen(t, h, key)
		is("")

		// One that is wanted is not acknowledged.
		n.set(func() { n.stuck = "\r\nsubscribe\r\n" })
		later := make(chan error)
		go func() {
			_, err := h.Subscribe(t.Context(), roomOf(t), l.handler())
			later <- err
		}()
		is("1 of 2 subscriptions are not acknowledged")
		n.set(func() { n.stuck = "" })
		if err := <-later; err != nil {
			t.Error(err)
		}
		is("")

		// Away, for long, and back.
		n.cut(true)
		is("away")
		time.Sleep(time.Minute)
		is("the network refuses")
		n.set(func() { n.refused = false })
		time.Sleep(10 * time.Second)
		is("")
		for range 2 { // the handler has both rooms
			if e := l.next(t); !errors.Is(e.gap, redis.ErrReconnected) {
				t.Errorf("heard %v", e)
			}
		}

		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
		is(broker.ErrClosed.Error())
	})
}

// A connection that carries nothing is not healthy, though nobody says so: not if
// only messages don't come, and not if nothing does.
func TestHealthOfSilence(t *testing.T) {
	for name, fault := range map[string]func(n *network){
		"of messages": (*network).silence,
		"of all":      (*network).blackHole,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(t)
				h := must(t, n.client(goredis.Options{ReadTimeout: 100 * time.Millisecond}), small)
				l := listen(t, h, roomOf(t))
				synctest.Wait()
				began := time.Now()
				fault(n)
				for h.Health() == nil && len(l.heard) == 0 && time.Since(began) < time.Minute { // it may be mended at once
					time.Sleep(10 * time.Millisecond)
				}
				if took := time.Since(began); took > 4*small.Probe {
					t.Errorf("it is noticed after %v; a probe takes %v", took, small.Probe)
				}
				n.heal()
				time.Sleep(time.Minute)
				if err := h.Health(); err != nil {
					t.Error(err)
				}
				if len(l.heard) != 1 || (<-l.heard).gap == nil {
					t.Error("there was not one gap")
				}
			})
		})
	}
}

// A call that hangs returns when its context ends, to the millisecond.
func TestCancelWhileHanging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		h := must(t, n.client(goredis.Options{}), small)
		known := roomOf(t)
		l := listen(t, h, known)
		n.blackHole()
		for what, call := range map[string]func(context.Context) error{
			"load": func(ctx context.Context) error {
				_, err := h.Load(ctx, known, false)
				return err
			},
			"load with members": func(ctx context.Context) error {
				_, err := h.Load(ctx, known, true)
				return err
			},
			"commit": func(ctx context.Context) error {
				_, err := h.Commit(ctx, known, broker.Commit{ID: id(), Value: put("v")})
				return err
			},
			"subscribe": func(ctx context.Context) error {
				_, err := h.Subscribe(ctx, roomOf(t), l.handler())
				return err
			},
			"subscribe again": func(ctx context.Context) error {
				_, err := h.Subscribe(ctx, known, l.handler())
				return err
			},
		} {
			for range 3 { // more than there are senders, with those of other calls
				ctx, cancel := context.WithCancel(t.Context())
				const after = 100 * time.Millisecond
				stop := time.AfterFunc(after, cancel)
				began := time.Now()
				err := call(ctx)
				if took := time.Since(began); took != after || !errors.Is(err, context.Canceled) {
					t.Errorf("%s returns after %v, %v", what, took, err)
				}
				stop.Stop()
			}
		}
	})
}

// Close waits for a second at most, and not even so long if there is nothing to
// wait for; calls that hang end with it.
func TestCloseWhileHanging(t *testing.T) {
	for name, hole := range map[string]bool{"well": false, "hanging": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(t)
				h := must(t, n.client(goredis.Options{}), small)
				l := listen(t, h, roomOf(t))
				if hole {
					n.blackHole()
				}
				called := make(chan error, 2)
				if hole {
					go func() {
						_, err := h.Load(context.Background(), roomOf(t), false)
						called <- err
					}()
					go func() {
						_, err := h.Subscribe(context.Background(), roomOf(t), l.handler())
						called <- err
					}()
				}
				synctest.Wait()
				began := time.Now()
				if err := h.Broker.Close(context.Background()); err != nil {
					t.Error(err)
				}
				took := time.Since(began)
				if hole && took > time.Second || !hole && took > 0 {
					t.Errorf("Close takes %v", took)
				}
				t.Logf("Close takes %v", took)
				for range cap(called) {
					if !hole {
						break
					}
					if err := <-called; !errors.Is(err, broker.ErrClosed) {
						t.Errorf("what hung got %v", err)
					}
				}
			})
		})
	}
}
