package conformance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
)

// Dial connects a client to i by way of the transport under test, which asks i's
// Accept before Dial returns or soon after. If i refuses, Dial may fail, or
// return a client whose connection ends.
//
// Dial is called many times, each promise in a testing/synctest bubble of its
// own, so everything has to be made inside: the listener, the server, the
// client; and by net.Pipe or another network in memory, since a real one does
// not know the bubble's clock. t.Cleanup stops what Dial has started, and runs
// in the bubble too, after the client's Abort. What is reported to t breaks the
// promise. The transport has to take messages of 64 KiB, and none much larger;
// its timeouts should be the defaults, and less than a minute.
type Dial func(t testing.TB, i transport.Acceptor) (Client, error)

// Client is the far end of a connection, as plain as it can be: it answers what
// the protocol wants answered, and hides nothing. One goroutine sends while
// another receives; Close and Abort may come from a third.
//
// An error that wraps [errors.ErrUnsupported] says that the transport has no
// such thing, with the reason: the promise is then skipped, and listed.
type Client interface {
	// Send sends a message, and returns when the transport has taken it: it blocks
	// while the instance takes none.
	Send(text string) error

	// Receive returns the next message, and after the last one an *Ended, or any
	// other error if the connection broke without a word. The suite calls it only
	// when it wants a message: what has not been asked for must stay unread.
	Receive() (string, error)

	// Violate breaks a rule of the transport: with a binary frame
	// (core.CloseBinary), a message over the limit (core.CloseTooBig), or text that
	// is not UTF-8 (core.CloseNotJSON).
	Violate(code core.CloseCode) error

	// Close says goodbye. It waits for nothing but the network.
	Close(code core.CloseCode, reason string) error

	// Abort breaks the connection without a word, as a process that dies. It is
	// called at the end of every test, also after other ends, and also while Send
	// or Receive blocks, which then returns.
	Abort()
}

// Ended says how a connection ended, as its client sees it.
type Ended struct {
	Code   core.CloseCode // core.CloseLost: it broke
	Reason string
}

func (e *Ended) Error() string { return fmt.Sprintf("ended: %d %s", e.Code, e.Reason) }

// realPatience is for how long a promise may take in real time. They take
// milliseconds: one that takes longer will never end. Our own tests have less.
var realPatience = time.Minute

// RunTransport proves that a transport keeps the promises of package transport:
// every promise is a subtest, and what was skipped is logged at the end with the
// reason.
//
// A promise runs in a testing/synctest bubble: time is fake, "it blocks" is a
// fact that can be looked at, and goroutines that are left behind are found,
// whatever the promise was about. Run it with -race: Write and Close come from
// several goroutines.
func RunTransport(t *testing.T, dial Dial) {
	var skipped strings.Builder
	told := map[string]string{} // in which test each broken promise was explained
	for i := range promises {
		p, hung := &promises[i], false
		t.Run(p.name, func(t *testing.T) {
			broken, why := p.try(t, dial, realPatience).result()
			switch {
			case broken == nil && why == "":
			case broken == nil:
				fmt.Fprintf(&skipped, "\n  skipped %s: %s", p.name, why)
				t.Skip(why)
			case told[broken.promise] != "":
				t.Errorf("broken here too: %s. %s has more\n%s", broken.promise, told[broken.promise], broken.happened)
			default:
				told[broken.promise] = t.Name()
				t.Errorf("\n%s", broken)
			}
			hung = broken != nil && broken.hung
		})
		if hung { // the others would, too, and each takes a minute
			fmt.Fprintf(&skipped, "\n  skipped all that comes after: %s", p.name)
			break
		}
	}
	if skipped.Len() > 0 {
		t.Log("conformance: not all was tried:" + skipped.String())
	}
}
