package core_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spinneyio/est/broker"
	"github.com/spinneyio/est/core"
)

var update = flag.Bool("update", false, "rewrite testdata/*.txt; read the diff before you commit it")

// TestPlays runs the transcripts in testdata. A line that begins with ">" is a
// command; what follows it is what the machines do about it:
//
//	> a on 1              connection a opens on instance 1
//	> a says {"add":"x"}  it sends a message; see the play integration
//	> a goes              its socket is gone
//	> a must go           the instance shuts down
//	> a takes too long    the time for its hello is over
//	> a breaks 1003       it breaks a rule of the transport
//	> hold                from here on, nothing happens by itself
//	> settle              everything happens, and goes on to
//	> do 1 commit         the oldest commit (load, subscribe, perform) of instance 1 takes place
//	> answer 1 commit     and is answered
//	> lose 1 commit       its answer is lost: Unanswered
//	> refuse 1 commit     it is too large
//	> give up 1           the patience of instance 1 is over
//	> forget 1 commit     it can't be sent again
//	> hear 1              instance 1 hears the oldest message
//	> drop 1              it never will
//	> doubt 1             its subscription can't vouch for its continuity
//	> outside r "x"       "x" is published to all in room r from outside
//	> forge r put {…}     somebody else replaces the state of room r
//	> reap r a            somebody else removes a from room r
//	> add r a             somebody else adds a to room r
//	> wipe r              the store loses room r
//	> save r              what the store has of room r is backed up
//	> restore r           the backup is put back
//	> show r              what the store has of room r
//
// In a play "with wait" a miss is believed when "1 wait" is answered, and not before.
// In one "with lives" there are Lifes too, whose lease is 3 rounds, and whose
// last look comes after 12:
//
//	> rounds 3            so many rounds happen on all instances
//	> quiet               from here on, heartbeats are not shown
//	> cut 1               what instance 1 asks of the store hangs
//	> mend 1              it takes place
//	> crash 1             it dies
//	> restart 1           it is started again
//	> end 1               it has nothing more to do
//	> forgot 1 r          it dropped the machine of r, with a commit that was forgotten
//	> lose 1 beat         a round of instance 1 fails
//	> records             what the store has of est's own
func TestPlays(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no plays: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, want)
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s went differently:\n%s", file, diff(string(want), string(got)))
			}
		})
	}
}

func diff(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		if i >= len(w) || i >= len(g) || w[i] != g[i] {
			at := func(s []string) string { return strings.Join(s[min(i, len(s)):min(i+4, len(s))], "\n") }
			return fmt.Sprintf("from line %d\nwant:\n%s\ngot:\n%s", i+1, at(w), at(g))
		}
	}
	return ""
}

// heartbeat is what Lifes do when nothing happens.
var heartbeat = regexp.MustCompile(`: load instances$|, update \S+ {"est":1,"beat":\d+,"every":\d+}$|, require alive, add last/\d+, remove last/\d+$`)

// director has a cluster play what a script says.
type director struct {
	*cluster[who, room]
	held       bool
	quiet      bool
	foreigners map[string]uint64 // and their next number
}

func play(t *testing.T, script []byte) []byte {
	var out bytes.Buffer
	in := integration(strings.Split(strings.TrimPrefix(strings.SplitN(string(script), "\n", 2)[0], "# with "), " "))
	d := &director{cluster: newCluster(in, 3), foreigners: map[string]uint64{}}
	d.opt = &core.RoomOptions{Batch: 8, Hold: 4}
	lives := strings.Contains(strings.SplitN(string(script), "\n", 2)[0], " lives")
	d.opt.Wait = strings.Contains(strings.SplitN(string(script), "\n", 2)[0], " wait")
	d.print = func(line string) {
		if d.quiet && heartbeat.MatchString(line) {
			return
		}
		line, _, _ = strings.Cut(line, "\n") // where a panic was is not the play's
		fmt.Fprintln(&out, line)
	}
	d.check = func(before *core.Room[who, room], fx []core.Effect, events []core.Event) {
		checkPure(t, before, fx, events)
	}
	lines := bufio.NewScanner(bytes.NewReader(script))
	for lines.Scan() {
		line := lines.Text()
		if command, ok := strings.CutPrefix(line, "> "); ok {
			fmt.Fprintln(&out, line)
			d.command(t, command)
			if !d.held && lives {
				d.settleAll()
			} else if !d.held {
				d.settle()
			}
		} else if !strings.HasPrefix(line, "  ") {
			fmt.Fprintln(&out, line)
			if lives && strings.HasPrefix(line, "# ") {
				d.opt.List = true
				d.exist()
				d.settleAll()
			}
		}
	}
	return out.Bytes()
}

func (d *director) command(t *testing.T, command string) {
	w := strings.SplitN(command, " ", 3)
	for len(w) < 3 {
		w = append(w, "")
	}
	id := core.ConnID(w[0])
	if d.nodes[0].existence != nil && d.commandLife(t, w) {
		return
	}
	switch {
	case w[0] == "hold":
		d.held = true
	case w[0] == "settle":
		d.held = false
	case w[0] == "do":
		o := d.find(t, w[1], w[2], false)
		d.do(o)
		d.printf("  %v", o.answer)
	case w[0] == "answer":
		o := d.find(t, w[1], w[2], true)
		d.answer(o, o.answer)
	case w[0] == "lose":
		o := d.find(t, w[1], w[2], true)
		d.answer(o, core.Unanswered{N: o.fx.(core.Commit).N})
	case w[0] == "refuse":
		o := d.find(t, w[1], w[2], false)
		d.answer(o, core.Refused{N: o.fx.(core.Commit).N, TooLarge: true, Reason: "broker: too large"})
	case w[0] == "forget":
		o := d.find(t, w[1], w[2], false)
		d.answer(o, core.Forgotten{N: o.fx.(core.Commit).N})
	case w[0] == "give":
		d.giveUp(w[2])
	case w[0] == "hear":
		d.hear(d.link(t, w[1]))
	case w[0] == "drop":
		l := d.link(t, w[1])
		l.queue = l.queue[1:]
	case w[0] == "doubt":
		l := d.link(t, w[1])
		d.happen(l.n, l.r, core.Doubted{})
	case w[0] == "outside":
		m, err := core.EncodePublication("", core.ToAll(core.Message(w[2])))
		if err != nil {
			t.Fatal(err)
		}
		d.foreign(t, w[1], broker.Commit{Messages: [][]byte{m}})
	case w[0] == "forge":
		op, value, _ := strings.Cut(w[2], " ")
		c := broker.Commit{Value: broker.Change{Op: broker.Put, Value: []byte(value)}}
		if op == "delete" {
			c.Value = broker.Change{Op: broker.Delete}
		}
		d.foreign(t, w[1], c)
	case w[0] == "reap":
		d.foreign(t, w[1], broker.Commit{Members: []broker.MemberChange{{Op: broker.Remove, ID: w[2]}}})
	case w[0] == "add":
		d.foreign(t, w[1], broker.Commit{Members: []broker.MemberChange{{Op: broker.Add, ID: w[2]}}})
	case w[0] == "wipe":
		delete(d.store, w[1])
	case w[0] == "save":
		d.store["backup of "+w[1]] = d.store[w[1]]
	case w[0] == "restore":
		d.store[w[1]] = d.store["backup of "+w[1]]
	case w[0] == "show":
		d.printf("  %s", d.stored(w[1]))
	case w[1] == "on":
		d.open(int(w[2][0]-'1'), id, core.Handshake{Claims: core.Message(`{"user":"claimed","room":"r"}`)})
	case w[1] == "says" && w[2] == "not UTF-8":
		d.send(id, "\"\xff\"")
	case w[1] == "says":
		d.send(id, w[2])
	case w[1] == "goes":
		d.leave(id)
	case w[1] == "must":
		d.say(id, core.Dismissed{Conn: id, Now: d.now})
	case w[1] == "takes":
		d.say(id, core.TimedOut{Conn: id, Now: d.now})
	case w[1] == "breaks":
		var code core.CloseCode
		fmt.Sscan(w[2], &code)
		d.say(id, core.Violated{Conn: id, Now: d.now, Code: code})
	default:
		t.Fatalf("what is %q?", command)
	}
}

func (d *director) find(t *testing.T, node, kind string, done bool) *op[who, room] {
	t.Helper()
	for _, o := range d.ops {
		name := strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", o.fx), "core."))
		if o.n.name == node && name == kind && o.done == done {
			return o
		}
	}
	t.Fatalf("instance %s has no such %s (done: %v)", node, kind, done)
	return nil
}

func (d *director) link(t *testing.T, node string) *link[who, room] {
	t.Helper()
	for _, l := range d.links {
		if l.n.name == node {
			return l
		}
	}
	t.Fatalf("instance %s has no subscription", node)
	return nil
}

// giveUp ends whatever instance node asks of the store.
func (d *director) giveUp(node string) {
	i := slices.IndexFunc(d.ops, func(o *op[who, room]) bool {
		switch o.fx.(type) {
		case core.Commit, core.Load, core.Subscribe:
			return o.n.name == node
		}
		return false
	})
	o := d.ops[i]
	d.ops = slices.DeleteFunc(d.ops, func(p *op[who, room]) bool { return p.r == o.r })
	d.happen(o.n, o.r, core.GaveUp{})
}

// foreign is a commit by somebody whom the cluster doesn't know.
func (d *director) foreign(t *testing.T, key string, c broker.Commit) {
	t.Helper()
	fx := core.Commit{N: uint64(len(d.stored(key))), Any: true, Op: core.Op(c.Value.Op), Value: c.Value.Value, Messages: c.Messages}
	for _, m := range c.Members {
		fx.Members = append(fx.Members, core.MemberChange{Op: core.MemberOp(m.Op), Conn: core.ConnID(m.ID)})
	}
	writer := fmt.Sprintf("x%d", len(d.ops)+int(d.store[key].Record(false).At.Seq)+d.store[key].Receipts())
	for d.foreigners[writer] > fx.N { // a number is used once
		writer += "x"
	}
	d.foreigners[writer] = fx.N + 1
	d.printf("  %v", d.commit(writer, key, fx))
}

// commandLife has a command carried out that is about Lifes, if it is.
func (d *director) commandLife(t *testing.T, w []string) bool {
	var n *node[who, room]
	if i := slices.IndexFunc(d.nodes, func(n *node[who, room]) bool { return n.name[:1] == w[1] }); i >= 0 {
		n = d.nodes[i]
	}
	switch w[0] {
	case "rounds":
		count, err := strconv.Atoi(w[1])
		if err != nil {
			t.Fatal(err)
		}
		d.rounds(count)
	case "quiet":
		d.quiet = true
	case "cut":
		n.cut = true
	case "mend":
		n.cut = false
	case "crash":
		d.crash(n)
	case "restart":
		d.restart(n)
	case "end":
		d.live(n, core.Stopped{})
	case "forgot":
		d.live(n, core.Unwanted{Room: w[2], Unsure: true})
	case "lose":
		if w[2] != "beat" {
			return false
		}
		d.loseBeat(t, n)
	case "records":
		for _, line := range d.records() {
			d.printf("  %s", line)
		}
	default:
		return false
	}
	return true
}

// loseBeat has one round of an instance fail.
func (d *director) loseBeat(t *testing.T, n *node[who, room]) {
	d.now = d.now.Add(interval)
	d.live(n, core.Ticked{Now: d.now})
	for {
		i := slices.IndexFunc(d.lives, func(o *lifeOp[who, room]) bool {
			list, own := o.fx.(core.CommitRecord)
			return o.n == n && !(own && list.Record != core.Directory)
		})
		if i < 0 {
			return
		}
		d.answerLife(d.lives[i], failLife(d.lives[i].fx))
	}
}
