package instance_test

import (
	"fmt"
	"strings"

	"github.com/spinneyio/est/core"
)

// The integration of these tests: a message of a client says what to decide.

// who is a client's hello, and its data.
type who struct {
	User string `json:"user"`
	Room string `json:"room"`
}

// tally is the room state: the numbers that were added, and in which order.
type tally struct {
	Sum   int   `json:"sum"`
	Chain []int `json:"chain"`
}

// wish is what a client sends. The reply is an answer.
type wish struct {
	N     int      `json:"n"`     // of the message
	Add   int      `json:"add"`   // to the room state
	Go    *string  `json:"go"`    // to another room
	Say   string   `json:"say"`   // to all
	Do    []string `json:"do"`    // side effects
	Big   int      `json:"big"`   // so many bytes more in the reply
	Close uint16   `json:"close"` //
	Panic bool     `json:"panic"` //
}

type answer struct {
	N    int    `json:"n"`
	Room string `json:"room"`
	Sum  int    `json:"sum"`
	Pad  string `json:"pad,omitempty"`
}

type (
	integration = core.Integration[who, tally]
	outcome     = core.Outcome[who, tally]
)

// talk is the integration. A test changes its copy.
func talk() integration {
	return integration{
		Name: "talk",
		Authenticate: func(_ core.Conn, hello core.Message) (w who, f *core.Failure) {
			if hello.Decode(&w) != nil || w.User == "" {
				return w, &core.Failure{Code: 1, Errors: map[string]string{"auth": "who are you?"}}
			}
			return w, nil
		},
		Identity: func(_ core.Conn, w who) string { return w.User },
		Room:     func(_ core.Conn, w who) string { return w.Room },
		Join: func(_ core.Conn, w who, _ tally) outcome {
			return outcome{Reply: "in " + w.Room}
		},
		Receive: receive,
		Leave:   func(core.Conn, who, tally) outcome { return outcome{} },
	}
}

func receive(_ core.Conn, w who, t tally, m core.Message) (o outcome) {
	var x wish
	if err := m.Decode(&x); err != nil {
		return outcome{Fail: &core.Failure{Code: 2, Errors: map[string]string{"comm": "not a wish"}}}
	}
	if x.Panic {
		panic("secret of Receive")
	}
	if x.Add != 0 {
		t.Sum += x.Add
		t.Chain = append(t.Chain, x.Add)
		o.Room = core.Put(t)
	}
	o.Reply = answer{x.N, w.Room, t.Sum, strings.Repeat("x", x.Big)}
	if x.Go != nil {
		w.Room = *x.Go
		o.Data = core.Put(w)
	}
	if x.Say != "" {
		o.Publish = []core.Publication{core.ToAll(x.Say)}
	}
	for _, do := range x.Do {
		o.Perform = append(o.Perform, do)
	}
	o.Close = core.CloseCode(x.Close)
	return o
}

// reply is the frame of an answer.
func reply(n int, room string, sum int) string {
	return fmt.Sprintf(`{"n":%d,"room":%q,"sum":%d}`, n, room, sum)
}

// failure is the frame of a failure of est's own.
func failure(id string, code core.CloseCode, text string) string {
	return fmt.Sprintf(`{"id":%q,"success":false,"error-code":%d,"errors":{%q:%q}}`, id, code, id, text)
}

var tryLater = core.CloseTryLater.Reason()
