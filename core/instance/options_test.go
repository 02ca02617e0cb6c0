package instance_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/memory"
)

// New says all that is wrong, at once.
func TestNewRefuses(t *testing.T) {
	in := talk()
	in.Join, in.Name = nil, "est:mine"
	_, err := instance.New(in, nil, &instance.Options{
		HelloTimeout: -1, Inbound: -1, OutboundMessages: -1, OutboundBytes: -1, Rate: -1, Patience: -1, Batch: -1, Hold: -1, DrainBatch: -1,
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"Join", "est:", "the broker is nil", "HelloTimeout", "Inbound", "OutboundMessages", "OutboundBytes", "Patience", "Batch", "Hold", "DrainBatch"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing about %s in:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "Rate") {
		t.Errorf("a negative Rate is no limit:\n%v", err)
	}
}

func TestAcceptNil(t *testing.T) {
	bubble(t, func(w *world) {
		if _, err := w.instance(nil).Accept(nil, core.Handshake{}); err == nil || errors.Is(err, instance.ErrShutdown) {
			w.Errorf("accept: %v", err)
		}
	})
}

type sick struct {
	broker.Broker
	err error
}

func (s *sick) Health() error { return s.err }

func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &sick{Broker: memory.New(nil)}
		i, err := instance.New(talk(), b, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := i.Health(); err != nil {
			t.Errorf("health: %v", err)
		}
		b.err = errDown
		if err := i.Health(); !errors.Is(err, errDown) || !strings.HasPrefix(err.Error(), "instance: ") {
			t.Errorf("health: %v", err)
		}
		if err := i.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := i.Health(); err != instance.ErrShutdown {
			t.Errorf("health: %v", err)
		}
	})
}
