package consult_test

import (
	"fmt"
	"testing"

	"github.com/spinneyio/est/esttest"
	"github.com/spinneyio/est/examples/consult/consult"
)

// What CONSULT's scenario must show, on one instance and across two.
func TestScenarioOnCluster(t *testing.T) {
	for _, instances := range []int{1, 2} {
		t.Run(fmt.Sprint(instances), func(t *testing.T) {
			c := esttest.New(t, consult.Integration, &esttest.Options{Instances: instances})

			bad := c.Connect(0)
			bad.Send(hello{"wrong", "dana", "k", "dietitian"})
			bad.ExpectFailure("auth")
			bad.ExpectClosed()
			if _, ok := c.Room("k"); ok || len(c.Members("k")) > 0 {
				t.Error("a bad login left something in the store")
			}

			old := login(c, 0, "dana", "dietitian")
			old.Expect(welcome(false, seat("dana", old), nil))

			dana := login(c, 1, "dana", "dietitian") // the same user again
			dana.Expect(welcome(false, seat("dana", dana), nil))
			old.Expect(trumped)
			old.ExpectClosed()

			carl := login(c, 0, "carl", "client")
			carl.Expect(welcome(true, seat("dana", dana), seat("carl", carl)))
			dana.Expect(change("connect"))

			carl.Close()
			dana.Expect(change("disconnect"))

			carl = login(c, 1, "carl", "client")
			carl.Expect(welcome(true, seat("dana", dana), seat("carl", carl)))
			dana.Expect(change("connect"))
			again := login(c, 0, "carl", "client")
			again.Expect(welcome(true, seat("dana", dana), seat("carl", again)))
			dana.Expect(change("reconnect"))
			carl.Expect(trumped)
			carl.ExpectClosed()

			dana.Send(text{"m1", "hi"})
			dana.Expect(object{"id": "m1", "success": true})
			again.Expect(text{"m1", "hi"})
			again.Send(text{"m2", "hello"})
			again.Expect(object{"id": "m2", "success": true})
			dana.Expect(text{"m2", "hello"})

			again.Close()
			dana.Expect(change("disconnect"))
			dana.Close()
			if _, ok := c.Room("k"); ok {
				t.Error("all have left, and the room is still there")
			}
			if got := fmt.Sprint(c.Performed()); got != "[[room-opened k]]" {
				t.Errorf("side effects: %s", got)
			}
		})
	}
}

// Two logins of one user at the same moment, on two instances: one of them stays.
func TestTwoLoginsAtOnce(t *testing.T) {
	c := esttest.New(t, consult.Integration, nil)
	a, b := c.Connect(0), c.Connect(1)
	first := c.Hold(esttest.CommitOf("k").On(0))
	a.Send(hello{"secret", "dana", "k", "dietitian"})
	a.ExpectNothing()
	b.Send(hello{"secret", "dana", "k", "dietitian"})
	b.Expect(welcome(false, seat("dana", b), nil))
	first.Release() // loses, and is decided again
	a.Expect(welcome(false, seat("dana", a), nil))
	b.Expect(trumped)
	b.ExpectClosed()
	a.ExpectNothing()
}

type object = map[string]any

type hello struct {
	Auth string `json:"auth"`
	User string `json:"user"`
	Room string `json:"room"`
	Role string `json:"role"`
}

type text struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

var trumped = object{"id": "disconnectOnNewConnectionTrumpsOldConnection", "callid": "k"}

func change(status string) object {
	return object{"id": "participantChange", "callid": "k", "status": status}
}

func seat(user string, c *esttest.Client) object { return object{"user-id": user, "conn": c.ID()} }

func welcome(full bool, dietitian, client object) object {
	state := object{"call-id": "k", "dietitian": dietitian}
	if client != nil {
		state["client"] = client
	}
	return object{"id": "auth", "success": true, "room-full": full, "state": state}
}

func login(c *esttest.Cluster[consult.Data, consult.Room], instance int, user, role string) *esttest.Client {
	client := c.Connect(instance)
	client.Send(hello{"secret", user, "k", role})
	return client
}
