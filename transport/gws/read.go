package gws

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/lxzan/gws"

	"github.com/spinneyio/est/core"
)

// serve is the goroutine of a connection: it reads until the end, and makes all
// calls of the session.
func (c *conn) serve(g *gws.Conn) {
	c.read(g)
	c.finish()
}

// finish ends a connection that gws does not read any more.
func (c *conn) finish() {
	c.handIn()
	if c.judge() {
		// The peer may be in the middle of sending. If the socket were closed on it,
		// the kernel would throw away what we have sent, the close frame too.
		_, err := io.Copy(io.Discard, &c.wire)
		c.end(core.CloseLost, fmt.Sprintf("read: %v", cmp.Or(err, io.EOF)), nil)
	}
	e := c.ending.Load()
	<-e.said
	if e.cut != nil {
		e.cut.Stop()
	}
	c.drop()
	c.rest()
	c.session.Closed(e.code, e.reason)
}

// read runs gws until it won't go on.
func (c *conn) read(g *gws.Conn) {
	defer func() {
		if c.calling {
			return // a panic of the session's goes its way
		}
		// gws 1.8.9 slices by a 64-bit length as it comes from the peer: one with the
		// top bit set is negative, and panics.
		if p := recover(); p != nil {
			c.h.o.Logger.Warn("gws: panic while reading a frame; the client is disconnected", "panic", p)
			c.wire.verdict = uint16(protocolError)
		}
	}()
	g.ReadLoop()
}

// judge says what is to be done about gws having stopped, and whether the peer
// may be sending still.
func (c *conn) judge() (drain bool) {
	verdict := core.CloseCode(c.wire.verdict)
	var goodbye *gws.CloseError
	switch {
	case errors.As(c.over, &goodbye) && verdict != protocolError && verdict != notUTF8:
		code := core.CloseCode(goodbye.Code)
		c.end(cmp.Or(code, core.CloseNormal), string(goodbye.Reason), closeFrame(code, ""))
		return false
	case c.over != nil && goodbye == nil && verdict == core.CloseNormal: // gws's verdict on a broken socket
		c.end(core.CloseLost, fmt.Sprintf("read: %v", c.over), nil)
		return false
	case goodbye == nil && (verdict == core.CloseTooBig || verdict == notUTF8):
		c.violated(verdict)
		return true
	default:
		c.end(core.CloseLost, "protocol error", closeFrame(protocolError, "protocol error"))
		return true
	}
}

func (c *conn) violated(code core.CloseCode) {
	if c.silenced() {
		return
	}
	c.handIn()
	c.deaf = true
	c.calling = true
	c.session.Violated(code)
	c.calling = false
}

// silenced says whether what the peer sends is dropped.
func (c *conn) silenced() bool { return c.deaf || c.ending.Load() != nil }

// events are what gws tells while it reads, on the goroutine that does.
type events struct{}

func owner(g *gws.Conn) *conn { return g.NetConn().(*wire).owner }

func (events) OnOpen(*gws.Conn)         {}
func (events) OnPong(*gws.Conn, []byte) {} // wire has seen that the peer lives

func (events) OnPing(g *gws.Conn, payload []byte) { owner(g).control(framePong, payload) }
func (events) OnClose(g *gws.Conn, err error)     { owner(g).over = err }

func (events) OnMessage(g *gws.Conn, m *gws.Message) {
	c := owner(g)
	if c.silenced() {
		_ = m.Close() // gives the buffer back; its error is always nil
		return
	}
	message := append([]byte{}, m.Bytes()...)
	_ = m.Close() // before the session is called: it may keep us waiting
	if m.Opcode == gws.OpcodeBinary {
		c.violated(core.CloseBinary)
	} else {
		c.receive(message)
	}
}
