package redis_test

import (
	"fmt"
	"strconv"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/internal/redistest"
)

// Answers get lost and the server forgets the scripts. The client sends commands
// again by itself, or doesn't; then we do. Nothing is applied twice.
func TestNothingTwice(t *testing.T) {
	t.Parallel()
	for name, retries := range map[string]int{"default client": 0, "client without retries": -1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t, nil)
			w := newWays(t, server.Addr())
			h := must(t, goredis.NewClient(&goredis.Options{Addr: server.Addr(), Dialer: w.dial, MaxRetries: retries}), small)
			other := must(t, goredis.NewClient(&goredis.Options{Addr: server.Addr()}), small)
			key := roomOf(t)
			l := listen(t, other, key)

			const times, every = 300, 17
			lost := 0
			for n := range times {
				switch {
				case n%every == every-1:
					w.loseReply()
					lost++
				case n%every == every/2:
					if _, err := server.Command("SCRIPT", "FLUSH"); err != nil {
						t.Fatal(err)
					}
				}
				if n%3 == 0 {
					publish(t, h, key, strconv.Itoa(n))
				}
				if n == times/2 {
					w.loseReply() // of the next commit, whichever it is
					lost++
				}
				increment(t, h, key)
			}
			r, err := other.Load(t.Context(), key, false)
			if err != nil || string(r.Value) != strconv.Itoa(times) {
				t.Errorf("after %d updates %q is there, %v", times, r.Value, err)
			}
			for n := 0; n < times; n += 3 {
				l.message(t, strconv.Itoa(n))
			}
			if got := lostBy(w); got != lost {
				t.Errorf("%d replies were lost; want %d, or this test proves nothing", got, lost)
			}
		})
	}
}

// increment counts, and fails if it is told of its own success as of another's.
func increment(t testing.TB, b broker.Broker, key broker.Key) {
	t.Helper()
	err := broker.Update(t.Context(), b, key, func(old []byte, retried bool) (broker.Change, error) {
		if retried {
			return broker.Change{}, fmt.Errorf("a conflict, but nobody else writes")
		}
		n := 0
		if old != nil {
			var err error
			if n, err = strconv.Atoi(string(old)); err != nil {
				return broker.Change{}, err
			}
		}
		return put(strconv.Itoa(n + 1)), nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func lostBy(w ways) (n int) {
	for _, p := range w {
		n += p.Stats().Lost
	}
	return n
}
