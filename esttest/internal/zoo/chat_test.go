package zoo

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spinneyio/est/core"
)

func TestChat(t *testing.T) {
	in := chatIntegration()
	var conn core.Conn
	ann := func(heard, unread int) reader { return reader{"ann", "hall", heard, unread} }
	bobs := func(from, to int) (lines []line) {
		for n := from; n <= to; n++ {
			lines = append(lines, line{n, "bob", "hi"})
		}
		return lines
	}
	two, six := log{bobs(1, 2), 2}, log{bobs(3, 6), 6}
	news := func(heard, unread int, lines []line) chatOutcome {
		return chatOutcome{Data: core.Put(ann(heard, unread)), Reply: page{"news", lines, heard, unread}}
	}
	hear := func(me reader, room log, body string) chatOutcome {
		return in.Deliver(conn, me, room, core.Delivery{All: true, Body: core.Message(body)})
	}
	hers := line{7, "ann", "ho"}

	for _, tt := range []struct {
		name      string
		got, want chatOutcome
	}{
		{"join where nothing was said", in.Join(conn, ann(0, 0), log{}), chatOutcome{Data: core.Put(ann(0, 0)), Reply: page{ID: "welcome"}}},
		{"join", in.Join(conn, ann(0, 0), six), chatOutcome{Data: core.Put(ann(6, 0)), Reply: page{"welcome", bobs(3, 6), 6, 0}}},
		{"say, and hear what others said meanwhile", in.Receive(conn, ann(5, 3), six, core.Message(`{"op":"say","text":"ho"}`)), chatOutcome{
			Data:    core.Put(ann(7, 0)),
			Room:    core.Put(log{append(bobs(4, 6), hers), 7}),
			Reply:   page{"said", append(bobs(6, 6), hers), 7, 0},
			Publish: []core.Publication{core.ToAll(rustle{Line: 7})},
		}},
		{"say nothing", in.Receive(conn, ann(6, 0), six, core.Message(`{"op":"say"}`)), chatOutcome{Fail: complaint("say something, or read")}},
		{"read", in.Receive(conn, ann(5, 3), six, core.Message(`{"op":"read"}`)), chatOutcome{Data: core.Put(ann(5, 0)), Reply: page{"read", nil, 5, 0}}},
		{"hear one line", hear(ann(1, 1), two, `{"line":2}`), news(2, 2, bobs(2, 2))},
		{"hear two at the first message", hear(ann(0, 0), two, `{"line":1}`), news(2, 2, bobs(1, 2))},
		{"and none at the second", hear(ann(2, 2), two, `{"line":2}`), chatOutcome{}},
		{"hear of more than is kept", hear(ann(1, 0), six, `{"line":2}`), news(6, 5, bobs(3, 6))},
		{"hear somebody type", hear(ann(1, 0), two, `{"typing":"bob"}`), chatOutcome{Reply: core.Message(`{"typing":"bob"}`)}},
		{"resync", in.Resync(conn, ann(1, 1), two), news(2, 2, bobs(2, 2))},
		{"leave", in.Leave(conn, ann(2, 0), two), chatOutcome{}},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
