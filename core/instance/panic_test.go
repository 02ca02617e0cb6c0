package instance_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/spinneyio/est/core"
)

// A panic in a function of the application ends the connection that it ran for,
// is reported, changes nothing, and tells the client nothing of itself.
func TestPanics(t *testing.T) {
	internal := core.CloseBug.Reason()
	closed := func(id string) func(*client) {
		return func(c *client) {
			c.want(failure(id, core.CloseBug, internal))
			c.wantClosed(core.CloseBug, internal)
		}
	}
	for what, c := range map[string]struct {
		breaks func(in *integration)
		do     func(c, other *client)
		then   func(c *client)
	}{
		"Authenticate": {
			func(in *integration) {
				in.Authenticate = func(core.Conn, core.Message) (who, *core.Failure) { panic("secret") }
			}, nil, closed("auth"),
		},
		"Identity": {
			func(in *integration) { in.Identity = func(core.Conn, who) string { panic("secret") } }, nil, closed("auth"),
		},
		"Room": {
			func(in *integration) { in.Room = func(core.Conn, who) string { panic("secret") } }, nil, closed("auth"),
		},
		"Join": {
			func(in *integration) { in.Join = func(core.Conn, who, tally) outcome { panic("secret") } }, nil, closed("auth"),
		},
		"Receive": {
			func(*integration) {},
			func(c, _ *client) { c.send(wish{Add: 1, Panic: true}) }, closed("comm"),
		},
		"Deliver": {
			func(in *integration) {
				in.Deliver = func(core.Conn, who, tally, core.Delivery) outcome { panic("secret") }
			},
			func(_, other *client) { other.send(wish{Say: "x"}) }, closed("comm"),
		},
		"Performed": {
			func(in *integration) {
				in.Performed = func(core.Conn, who, tally, core.Performed) outcome { panic("secret") }
			},
			func(c, _ *client) { c.send(wish{Do: []string{"x"}}); c.want(reply(0, "r", 0)) }, closed("comm"),
		},
		"Resync": {
			func(in *integration) { in.Resync = func(core.Conn, who, tally) outcome { panic("secret") } },
			func(c, other *client) {
				c.w.store.lose(true)
				other.send(wish{Say: "x"})
				synctest.Wait()
				c.w.store.lose(false)
				c.w.store.gap("r")
			}, closed("comm"),
		},
		"Leave": {
			func(in *integration) { in.Leave = func(core.Conn, who, tally) outcome { panic("secret") } },
			func(c, _ *client) { c.Close() }, func(*client) {},
		},
		"EncodeFailure": {
			func(in *integration) { in.EncodeFailure = func(*core.Failure) any { panic("secret") } },
			func(c, _ *client) { c.send("not a wish") },
			func(c *client) {
				c.want(`{"id":"comm","success":false,"error-code":2,"errors":{"comm":"not a wish"}}`)
			},
		},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(w *world) {
				whole := w.instance(nil)
				other := w.join(whole, "bob", "r")
				c.breaks(&w.in)
				i := w.instance(nil)
				ann := w.dial(i, nil)
				ann.send(who{"ann", "r"})
				if c.do != nil {
					ann.want(`"in r"`)
					c.do(ann, other)
				}
				c.then(ann)
				synctest.Wait()
				w.mu.Lock()
				reports, log := strings.Join(w.reports, "\n"), w.log.String()
				w.mu.Unlock()
				if !strings.Contains(reports, "panic: secret") || !strings.Contains(log, "panic: secret") {
					w.Errorf("reported:\n%s\nlogged:\n%s", reports, log)
				}
				if v := w.value("r"); v != "" {
					w.Errorf("state: %s", v)
				}
				if m := w.members("r"); what != "EncodeFailure" && m != "bob" {
					w.Errorf("members: %s", m)
				}
			})
		})
	}
}
