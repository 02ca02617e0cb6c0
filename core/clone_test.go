package core_test

import (
	"testing"
	"time"

	"github.com/spinneyio/est/core"
)

type mail struct{ To string }

type text struct{ To string }

// Machines that may behave differently have different fingerprints.
func TestFingerprintTellsApart(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	message, err := core.EncodePublication("", core.ToAll(1))
	if err != nil {
		t.Fatal(err)
	}
	entered := core.Entered{Conn: "a", Now: now, Data: []byte(`{"user":"ann","room":"r"}`)}
	at := core.Position{Epoch: "e", Seq: 7}
	for _, c := range []struct {
		name string
		a, b core.Event
	}{
		{"the type of an effect", core.Answered{Conn: "a", Now: now, Answer: core.Performed{Effect: mail{"x"}}},
			core.Answered{Conn: "a", Now: now, Answer: core.Performed{Effect: text{"x"}}}},
		{"the version of a message", core.Delivered{Now: now, At: at, Version: "v", Body: message},
			core.Delivered{Now: now, At: at, Version: "w", Body: message}},
		{"when a message came", core.Delivered{Now: now, At: at, Body: message},
			core.Delivered{Now: now.Add(1), At: at, Body: message}},
		{"when a message was sent", core.Received{Conn: "a", Now: now, Message: core.Message("1")},
			core.Received{Conn: "a", Now: now.Add(1), Message: core.Message("1")}},
		{"a doubt", core.Doubted{}, core.Subscribed{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := integration([]string{"performed"})
			a, b := core.RoomsOf(in).New("r", "1", 0, nil), core.RoomsOf(in).New("r", "1", 0, nil)
			a.Step(nil, entered)
			b.Step(nil, entered)
			if a.Fingerprint() != b.Fingerprint() {
				t.Fatal("the same events, and different fingerprints")
			}
			a.Step(nil, c.a)
			b.Step(nil, c.b)
			if a.Fingerprint() == b.Fingerprint() {
				t.Error("different events, and the same fingerprint")
			}
		})
	}
	small := core.RoomsOf(integration(nil)).New("r", "1", 0, &core.RoomOptions{Hold: 1})
	if small.Fingerprint() == core.RoomsOf(integration(nil)).New("r", "1", 0, nil).Fingerprint() {
		t.Error("different options, and the same fingerprint")
	}
}
