package core_test

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/spinneyio/est/core"
)

// plain encodes v as any other JSON library could: here encoding/json, without \u003c for <.
func plain(v any) core.Message {
	var text bytes.Buffer
	to := json.NewEncoder(&text)
	to.SetEscapeHTML(false)
	if err := to.Encode(v); err != nil {
		panic(err) // a bug: the connection is told "internal error"
	}
	return bytes.TrimSpace(text.Bytes())
}

// A Message goes out as it is, so an application can use a JSON library of its own:
// unmarshal what comes in with that, and make what goes out a Message.
func ExampleMessage() {
	receive := func(_ core.Conn, _ string, said int, m core.Message) core.Outcome[string, int] {
		var text string
		if err := json.Unmarshal(m, &text); err != nil { // here too
			return core.Outcome[string, int]{Fail: &core.Failure{Code: 1, Errors: map[string]string{"text": "say some"}}}
		}
		return core.Outcome[string, int]{Reply: plain("<" + text + ">")}
	}
	fmt.Println(receive(core.Conn{}, "", 0, core.Message(`"hello"`)).Reply)
	// Output: "<hello>"
}
