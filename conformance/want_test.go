package conformance

import (
	"strings"
	"testing"

	"github.com/spinneyio/est/broker"
)

// What is expected and what happened never read alike.
func TestWant(t *testing.T) {
	long := strings.Repeat("x", 100)
	list := func(ids ...string) (members []broker.Member) {
		for _, id := range ids {
			members = append(members, broker.Member{ID: id, Data: []byte(long)})
		}
		return members
	}
	for _, x := range []struct {
		got, want          any
		expected, happened string
	}{
		{"a", "b", `it is "b"`, `it is "a"`},
		{2, 1, "it is 1", "it is 2"},
		{[]byte(nil), []byte{}, `it is ""`, "it is no value"},
		{long + "y", long + "z", `"… (101 bytes)`, `which differs from byte 100 on: "y"`},
		{[]byte(long + "y"), []byte(long + "z"), `"… (101 bytes)`, `which differs from byte 100 on: "y"`},
		{
			broker.Record{Value: []byte(long + "y")}, broker.Record{Value: []byte(long + "z")},
			"version none at nowhere", "version none at nowhere, but for what is too long to be shown",
		},
		{
			[]broker.Member{{ID: "m", Data: []byte(long + "y")}}, []broker.Member{{ID: "m", Data: []byte(long + "z")}},
			`is "m" = "x`, `it is "m" = a text of 101 bytes, which differs from byte 100 on: "y"`,
		},
		{list("a", "c"), list("a", "b", "c"), `number 2 of it, which has 3, is "b"`, `it is "c"`},
		{list("a"), list("a", "b"), `number 2 of it, which has 2, is "b"`, "it is not there; there are 1"},
		{list("a", "b"), list("a"), "number 2 of it, which has 1, is not there", `it is "b"`},
		{broker.Commit{Members: []broker.MemberChange{add("m", "2")}}, broker.Commit{Members: []broker.MemberChange{add("m", "1")}}, `add "m" = "1"`, `add "m" = "2"`},
	} {
		c := &trial{suite: &suite{}, rule: &rules[0]}
		c.guard(func() { c.want("it", x.got, x.want) })
		if c.failure == nil {
			t.Errorf("%v is taken for %v", x.got, x.want)
		} else if f := c.failure; !strings.Contains(f.Expected, x.expected) || !strings.Contains(f.Happened, x.happened) {
			t.Errorf("expected: %s\nhappened: %s\nwant %s\nand %s", f.Expected, f.Happened, x.expected, x.happened)
		}
	}
}

// The end of the log says where to begin, whatever has ended first.
func TestSummary(t *testing.T) {
	r := Report{Passed: []string{"a/a"}, Failed: []Failure{{Rule: "b/first", Seed: 7}, {Rule: "b/second", Seed: 7}}, Skipped: []Skip{{Rule: "c/c", Reason: "no c"}}}
	const want = `conformance: 1 passed, 2 failed, 1 skipped
  failed b/first: begin here, since what fails later may come from it; alone: go test -run '^TestMine$/^store$/^b$/^first$' -conformance.seed=7
  failed b/second
  skipped c/c: no c`
	if got := r.summary("TestMine/store"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
