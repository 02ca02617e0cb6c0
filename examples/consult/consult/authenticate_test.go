package consult

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spinneyio/est/core"
)

func TestIntegrationIsValid(t *testing.T) {
	if err := Integration.Validate(); err != nil {
		t.Fatal(err)
	}
}

func TestIdentityAndRoom(t *testing.T) {
	if got := Integration.Identity(core.Conn{ID: "d1"}, dana); got != "dana" {
		t.Errorf("Identity = %q, want the user", got)
	}
	if got := Integration.Room(core.Conn{ID: "d1"}, dana); got != "k" {
		t.Errorf("Room = %q, want the room key", got)
	}
}

func TestAuthenticate(t *testing.T) {
	bad := &core.Failure{ID: "auth", Code: 1, Errors: map[string]string{"auth": "Bad password"}}
	tests := []struct {
		name, hello string
		want        Data
		refused     bool
	}{
		{name: "dietitian", hello: `{"auth":"secret","user":"dana","room":"k","role":"dietitian"}`, want: dana},
		{name: "client", hello: `{"auth":"secret","user":"carl","room":"k","role":"client"}`, want: carl},
		{name: "more fields are ignored", hello: `{"auth":"secret","user":"carl","room":"k","role":"client","v":2}`, want: carl},
		{name: "wrong password", hello: `{"auth":"Secret","user":"dana","room":"k","role":"client"}`, refused: true},
		{name: "no password", hello: `{"user":"dana","room":"k","role":"client"}`, refused: true},
		{name: "no user", hello: `{"auth":"secret","room":"k","role":"client"}`, refused: true},
		{name: "empty user", hello: `{"auth":"secret","user":"","room":"k","role":"client"}`, refused: true},
		{name: "user of a wrong type", hello: `{"auth":"secret","user":7,"room":"k","role":"client"}`, refused: true},
		{name: "no room", hello: `{"auth":"secret","user":"dana","role":"client"}`, refused: true},
		{name: "empty room", hello: `{"auth":"secret","user":"dana","room":"","role":"client"}`, refused: true},
		{name: "room of a wrong type", hello: `{"auth":"secret","user":"dana","room":["k"],"role":"client"}`, refused: true},
		{name: "no role", hello: `{"auth":"secret","user":"dana","room":"k"}`, refused: true},
		{name: "unknown role", hello: `{"auth":"secret","user":"dana","room":"k","role":"nurse"}`, refused: true},
		{name: "key of a wrong case", hello: `{"AUTH":"secret","user":"dana","room":"k","role":"client"}`, refused: true},
		{name: "array", hello: `["secret","dana","k","client"]`, refused: true},
		{name: "null", hello: `null`, refused: true},
		{name: "string", hello: `"secret"`, refused: true},
		{name: "empty object", hello: `{}`, refused: true},
		{name: "no JSON", hello: `hello`, refused: true},
		{name: "nothing", hello: ``, refused: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, failure := Integration.Authenticate(core.Conn{ID: "x"}, core.Message(tt.hello))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("data (-want +got):\n%s", diff)
			}
			want := bad
			if !tt.refused {
				want = nil
			}
			if diff := cmp.Diff(want, failure); diff != "" {
				t.Errorf("failure (-want +got):\n%s", diff)
			}
		})
	}
}
