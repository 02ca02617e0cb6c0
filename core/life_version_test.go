package core_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
)

// Two versions of est side by side: what the later one has written into a record is
// kept by the one that does not know it, or left alone.

// directoryWith is a cluster of one in whose directory somebody else has written.
func directoryWith(t *testing.T, id, data string) (c *cluster[who, room], entries func() []string) {
	t.Helper()
	c = newCluster(integration(nil), 1)
	c.opt = &core.RoomOptions{List: true}
	c.exist()
	c.settleAll()
	change := core.CommitRecord{Record: core.Directory, N: 1, Changes: []core.RecordChange{{Op: core.AddMember, ID: id, Data: []byte(data)}}}
	if _, ok := c.commitRecord("x", change).(core.RecordCommitted); !ok {
		t.Fatal("it was not committed")
	}
	return c, func() (list []string) {
		for _, m := range c.store["est:"+core.Directory].Record(true).Members {
			if m.ID[0] != '1' {
				list = append(list, m.ID+" "+string(m.Data))
			}
		}
		return list
	}
}

func TestLifeOfOtherVersions(t *testing.T) {
	for name, c := range map[string]struct {
		id, data string
		rounds   int
		want     string
	}{
		"a field that is not known survives":  {"dead/9", `{"est":1,"new":{"a":[1]}}`, 2, `dead/9 {"est":1,"looks":1,"new":{"a":[1]}}`},
		"a dead one's of another schema":      {"dead/9", `{"est":2,"looks":"none"}`, 40, `dead/9 {"est":2,"looks":"none"}`},
		"a peer of another schema is watched": {"9", `{"est":2,"beat":"slow"}`, 3, ``},
		"and can be given up":                 {"9", `{"est":2,"beat":"slow"}`, 5, `dead/9 {"est":1,"looks":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			cl, entries := directoryWith(t, c.id, c.data)
			cl.rounds(c.rounds)
			if c.want == "" {
				c.want = c.id + " " + c.data
			}
			if got := entries(); !slices.Equal(got, []string{c.want}) {
				t.Errorf("the directory has %q", got)
			}
		})
	}
}

// Members that can't be read are left to an instance that can, for as long as it takes.
func TestUnreaped(t *testing.T) {
	c, entries := directoryWith(t, "dead/9", `{"est":1}`)
	list := core.CommitRecord{Record: "instance/9", N: 1, Changes: []core.RecordChange{{Op: core.AddMember, ID: "/r"}, {Op: core.AddMember, ID: "/q"}}}
	c.commitRecord("9", list)
	add := func(id, data string) {
		b := broker.Commit{ID: broker.CommitID{Writer: "x" + id + data, N: 1}, Members: []broker.MemberChange{{Op: broker.Add, ID: id, Data: []byte(data)}}}
		after, _, err := broker.Apply(c.store["r"], b)
		if err != nil {
			t.Fatal(err)
		}
		c.store["r"] = after
	}
	add("old", `{"est":1,"instance":"9","data":{"user":"old","room":"r"},"new":1}`)
	add("new", `{"est":2,"instance":"9","data":["what is this"]}`)
	add("other", `{"est":2,"instance":"8","data":[]}`)
	members := func() string {
		var ids []string
		for _, m := range c.store["r"].Record(true).Members {
			ids = append(ids, m.ID)
		}
		return strings.Join(ids, " ")
	}
	c.rounds(60)
	if got := members(); got != "new other" {
		t.Errorf("members: %s", got)
	}
	if got := entries(); !slices.Equal(got, []string{`dead/9 {"est":1}`}) {
		t.Errorf("the directory has %q", got)
	}
	add("new", `{"est":1,"instance":"9","data":{"user":"new","room":"r"}}`) // as who knows its schema reads it
	c.crash(c.nodes[0])
	c.restart(c.nodes[0])
	c.rounds(60)
	if got := members(); got != "other" {
		t.Errorf("members: %s", got)
	}
	if got := entries(); len(got) != 0 {
		t.Errorf("the directory has %q", got)
	}
}
