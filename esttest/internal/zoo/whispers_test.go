package zoo

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spinneyio/est/core"
)

func TestWhispers(t *testing.T) {
	ann := whisperer{"ann", "k"}
	for msg, want := range map[string]whispersOutcome{
		`{"nick":"eve"}`:           {Data: core.Put(whisperer{"eve", "k"}), Reply: whisper{Nick: "eve"}},
		`{"to":"bob","text":"hi"}`: {Publish: []core.Publication{core.To("bob", whisper{To: "bob", Text: "hi"})}},
		`{}`:                       {Fail: complaint("a nick, or a text to somebody")},
	} {
		if diff := cmp.Diff(want, whispers.in.Receive(core.Conn{}, ann, struct{}{}, core.Message(msg))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", msg, diff)
		}
	}
}
