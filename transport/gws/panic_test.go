package gws

import (
	"bufio"
	"io"
	"net"
	"testing"

	"github.com/spinneyio/est/core"
)

// A panic of gws costs one client. A panic of the instance is not for us to hide.
func TestPanicOfTheInstanceGoesItsWay(t *testing.T) {
	testPanic(t, func(c *conn) { c.session = faulty{} })
	testPanic(t, func(c *conn) { c.session, c.batches = nobody{}, faulty{} })
}

func testPanic(t *testing.T, session func(*conn)) {
	here, there := net.Pipe()
	defer here.Close()
	go io.Copy(io.Discard, here)
	h := Handler(nil, nil).(*handler)
	frame := []byte{frameText, 0x80 | 2, 0, 0, 0, 0, '{', '}'}
	c := newConn(h, there, frame)
	defer c.end(core.CloseLost, "", nil)
	g, err := h.upgrader.UpgradeFromConn(&c.wire, bufio.NewReader(&c.wire), upgradeRequest("key"))
	if err != nil {
		t.Fatal(err)
	}
	session(c)
	defer func() {
		if p := recover(); p != "faulty" {
			t.Errorf("recovered %v", p)
		}
	}()
	c.read(g)
	t.Error("the panic was lost")
}

type faulty struct{ nobody }

func (faulty) Receive([]byte)      { panic("faulty") }
func (faulty) ReceiveAll([][]byte) { panic("faulty") }
