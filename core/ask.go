package core

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

// How the application's functions are called, and what is wrong with their answers:
// a bug is a text for the operators, "" is none.

// whoAndWhere asks the application for the identity and the room of data.
func (r *Room[C, R]) whoAndWhere(conn Conn, s *stored[C]) (identity, room, bug string) {
	defer func() {
		if p := recover(); p != nil {
			bug = panicked(p)
		}
	}()
	data, err := s.private(r.formC)
	if err != nil {
		return "", "", err.Error()
	}
	identity = r.in.Identity(conn, data)
	if !r.formC.plain { // or Identity may have changed it
		if data, err = s.private(r.formC); err != nil {
			return "", "", err.Error()
		}
	}
	return identity, r.in.Room(conn, data), ""
}

func (r *Room[C, R]) ask(t *task, conn Conn, data C, room R) (out Outcome[C, R], bug string) {
	defer func() {
		if p := recover(); p != nil {
			bug = panicked(p)
		}
	}()
	switch t.kind {
	case join:
		out = r.in.Join(conn, data, room)
	case receive:
		out = r.in.Receive(conn, data, room, t.msg)
	case deliver:
		out = r.in.Deliver(conn, data, room, t.heard.Delivery)
	case resync:
		out = r.in.Resync(conn, data, room)
	case performed:
		out = r.in.Performed(conn, data, room, *t.answer)
	case leave:
		out = r.in.Leave(conn, data, room)
	}
	return out, ""
}

// panicked describes a panic by value and place. Unlike a stack trace it is the
// same each time, so that effects can be compared.
func panicked(p any) string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	var b strings.Builder
	fmt.Fprintf(&b, "panic: %v", p)
	for {
		f, more := frames.Next()
		if strings.Contains(f.Function, "core.(*Room[") || !more {
			return b.String()
		}
		if !strings.HasPrefix(f.Function, "runtime.") {
			fmt.Fprintf(&b, "\n\tin %s (%s:%d)", f.Function, path.Base(f.File), f.Line)
		}
	}
}

// check says what makes an outcome invalid, apart from what can't be encoded.
func (r *Room[C, R]) check(k kind, out Outcome[C, R]) (bug string) {
	switch {
	case out.Room.Op > OpDelete || out.Data.Op > OpDelete:
		return "a Change with an unknown Op: use Put or Delete"
	case r.key == "" && (out.Room.Op != Keep || len(out.Publish) > 0):
		return "a Room change or Publish without a room: Room answered \"\""
	case k == leave:
		return ""
	case out.Data.Op == OpDelete:
		return "Delete as Data: connection data lives as long as its connection"
	case out.Reply != nil && out.Fail != nil:
		return "both Reply and Fail"
	case out.Close != 0 && !out.Close.allowed():
		return fmt.Sprintf("Close %d: use 4000–4999, or one of the table at core.CloseCode but 1006", uint16(out.Close))
	}
	return ""
}
