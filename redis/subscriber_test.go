package redis

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/internal/inbox"
)

// In a cluster, after a new connection, a number up to the position that was asked
// for may be of a message that was on its way; not if it comes a second later, since
// then, however long the answer took: the store has gone back.
func TestNumbersFromBefore(t *testing.T) {
	for _, c := range []struct {
		answered, comes time.Duration // since the position was asked for
		want            []string
	}{
		{0, 0, []string{ErrReconnected.Error()}},
		{0, time.Second, []string{ErrReconnected.Error()}},
		{0, 1001 * time.Millisecond, []string{ErrReconnected.Error(), ErrMissing.Error(), "late"}},
		{time.Second, 1500 * time.Millisecond, []string{ErrReconnected.Error(), ErrMissing.Error(), "late"}},
	} {
		t.Run(fmt.Sprintf("answered after %v, comes after %v", c.answered, c.comes), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var heard []string
				inboxes := inbox.NewGroup(8, ErrOverflow)
				l := &link{wake: make(chan struct{}, 1), behind: make(chan struct{}, 1)}
				room := &topic{name: "topic", asked: true, again: true}
				room.subs = []*subscription{{topic: room, on: true, inbox: inboxes.Open(broker.Handler{
					Message: func(m broker.Message) { heard = append(heard, string(m.Body)) },
					Gap:     func(reason error) { heard = append(heard, reason.Error()) },
				})}}
				s := &subscriber{link: l, cluster: true, topics: map[string]*topic{room.name: room}}

				asked := time.Now()
				time.Sleep(c.answered)
				s.caughtUp(l, room, broker.Position{Epoch: "e", Seq: 5}, asked, nil)
				synctest.Wait()
				time.Sleep(c.comes - c.answered)
				late := broker.Commit{Messages: [][]byte{[]byte("late")}}
				s.published(l, room.name, published(3, "e", "v", late))
				synctest.Wait()
				if !slices.Equal(heard, c.want) {
					t.Errorf("heard %q; want %q", heard, c.want)
				}
			})
		})
	}
}
