package consult

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spinneyio/est/core"
)

func TestFrames(t *testing.T) {
	tests := []struct {
		name string
		v    any
		want string
	}{
		{"welcome", welcome{ID: "auth", Success: true, RoomFull: true, State: withBoth},
			`{"id":"auth","success":true,"room-full":true,"state":{"dietitian":{"user-id":"dana","conn":"d1"},"client":{"user-id":"carl","conn":"c1"},"call-id":"k"}}`},
		{"an empty seat is absent", withDana, `{"dietitian":{"user-id":"dana","conn":"d1"},"call-id":"k"}`},
		{"receipt", receipt{ID: core.Message(`"m1"`), Success: true}, `{"id":"m1","success":true}`},
		{"receipt without an id", receipt{Success: true}, `{"id":null,"success":true}`},
		{"change", changed("k", "connect"), `{"id":"participantChange","callid":"k","status":"connect"}`},
		{"disconnect", disconnect{true}, `{"disconnect":true}`},
		{"side effect", []string{"room-opened", "k"}, `["room-opened","k"]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := json.Marshal(tt.v)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("frame (-want +got):\n%s", diff)
			}
		})
	}
}
