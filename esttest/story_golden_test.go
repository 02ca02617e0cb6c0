package esttest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var storyUpdate = flag.Bool("story.update", false, "rewrite testdata/story/*.golden; read the diff before you commit it")

func TestStories(t *testing.T) {
	for name, make := range stories {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", "story", name+".golden")
			s := make()
			got := s.String() + "\n"
			s.width, s.height = 110, 40 // the default
			checkSize(t, s)
			if *storyUpdate {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s is no longer what is printed; -story.update if this is better:\n%s", file, got)
			}
		})
	}
}

// play writes the scenes of a story, and numbers them by their steps.
type play struct{ story }

var (
	c1, c2, c3 = lane{client, 1}, lane{client, 2}, lane{client, 3}
	i1, i2, i3 = lane{inst, 1}, lane{inst, 2}, lane{inst, 3}
	theBroker  = lane{kind: store}
	all        = lane{}
)

// do takes a step, as files have it.
func (p *play) do(line string) *play {
	st, err := parseStep(line)
	if err != nil {
		panic(err)
	}
	p.steps = append(p.steps, st)
	return p
}

// see adds a scene to the latest step.
func (p *play) see(from, to lane, format string, args ...any) *play {
	p.scenes = append(p.scenes, scene{step: max(len(p.steps)-1, 0), from: from, to: to, text: fmt.Sprintf(format, args...)})
	return p
}

// lost adds a scene of something that does not arrive.
func (p *play) lost(from, to lane, format string, args ...any) *play {
	p.see(from, to, format, args...)
	p.scenes[len(p.scenes)-1].lost = true
	return p
}

// healed adds a scene after all steps.
func (p *play) healed(from, to lane, format string, args ...any) *play {
	p.see(from, to, format, args...)
	p.scenes[len(p.scenes)-1].step++
	return p
}

// stories is what the golden files have.
var stories = map[string]func() story{
	"lost_update": func() story {
		p := &play{story{
			explanation: "A commit replaces the room state that its transitions were decided on, and no other.",
			found:       "found in run 214 (pct, seed 0x9f3a11c0): 187 decisions, 8 left after 161 replays in 4 ms",
			replay:      "go test -run '^TestRoom$' ./room -esttest.replay=testdata/esttest/TestRoom/lost-update-1c9e44d2.est",
			failed: violation{check: "lost-update", text: `a commit to "r1" was decided on a room state that was not the one it replaced (-replaced +decided on)`,
				diff: "  map[string]any{\n-\t\"u1\": float64(1),\n+\t\"u1\":\u00a0nil,\n  }\n"},
		}}
		p.do("connect c1 i1").see(c1, i1, "connect as c1")
		p.do(`send c1 {"user":"u1"}`).see(c1, i1, `{"user":"u1"}`)
		p.do("connect c2 i2").see(c2, i2, "connect as c2")
		p.do(`send c2 {"user":"u2"}`).see(c2, i2, `{"user":"u2"}`)
		p.do(`ask i1 load "r1"`).see(i1, theBroker, "load").see(theBroker, i1, `loaded nothing, version "" at 1:0`)
		p.do(`ask i2 load "r1"`).see(i2, theBroker, "load").see(theBroker, i2, `loaded nothing, version "" at 1:0`)
		p.do(`perform i1 commit "r1"`).see(i1, theBroker, `commit #1 on version "", put {"u1":1}, add c1 with {"user":"u1","seat":1} → committed #1: version i1#1 at 1:1`)
		p.do(`perform i2 commit "r1"`).see(i2, theBroker, `commit #1 on version "", put {"u2":1}, add c2 with {"user":"u2","seat":1} → committed #1: version i2#1 at 1:2`)
		p.failedAt = 7
		p.needed = []bool{true, true, true, true, true, true, true, true}
		return p.story
	},
	"ghost": func() story {
		p := &play{story{
			found:  "found in run 3 (random, seed 0x11): 60 decisions, 8 left after 95 replays in 2 ms",
			replay: "go test -run '^TestRoom$' . -esttest.replay=testdata/esttest/TestRoom/dead-reference-00c0ffee.est",
			failed: violation{check: "dead-reference", text: `room "r1" still names c1, which is over since step 5`, diff: "  {\n-   \"r1\": nil,\n+   \"r1\": {\"seats\": [\"c1\"]},\n  }"},
		}}
		p.do("connect c1 i1").see(c1, i1, "connect as c1")
		p.do(`send c1 {"user":"u1","room":"r1"}`).see(c1, i1, `{"user":"u1","room":"r1"}`)
		p.do(`ask i1 load "r1"`).see(i1, theBroker, "load").see(theBroker, i1, `loaded nothing, version "" at 1:0`)
		p.do(`ask i1 commit "r1"`).see(i1, theBroker, `commit #1 on version "", put {"seats":["c1"]}, add c1`).see(theBroker, i1, "committed #1: version i1#1 at 1:0").see(i1, c1, `{"welcome":true}`)
		p.do("crash i1").see(i1, i1, "crashes")
		p.do("connect c2 i2").see(c2, i2, "connect as c2")
		p.do("restart i1").see(i1, i1, "starts again")
		p.do("close c2").see(c2, i2, "close")
		p.healed(all, all, "the faults end, and everything settles").healed(i2, theBroker, `commit #1 on version "i1#1", remove c1`).healed(theBroker, i2, "committed #1: version i1#1 at 1:0")
		p.failedAt = len(p.steps)
		p.needed = []bool{true, true, true, true, true, true, false, true}
		return p.story
	},
	"healing": func() story {
		p := &play{story{
			found:  "found in run 1 (swarm, seed 0x2): 20 decisions, 5 left after 31 replays in 1 ms",
			replay: "go test -run '^TestRoom$/^two$' . -esttest.replay=testdata/esttest/TestRoom_two-1b2c3d4e/eventually-12345678.est",
			failed: violation{check: "eventually", text: "c1 still waits for its turn\nand nobody is left who could give it one"},
		}}
		p.do("connect c1 i1").see(c1, i1, "connect as c1")
		p.do(`send c1 {"user":"u1"}`).see(c1, i1, `{"user":"u1"}`)
		p.do(`perform i1 commit "r1"`).see(i1, theBroker, `commit #2 on version "a", put {"turn":"u2"}, publish c1 to "u2": {"turn":"yours"} → committed #2: version i1#2 at 1:4`)
		p.do(`lose i1 commit "r1"`).lost(theBroker, i1, "committed #2: version i1#2 at 1:4")
		p.do(`drop i1 "r1"`).lost(theBroker, i1, `delivered 1:4: c1 to "u2": {"turn":"yours"}`)
		p.do("break c1").lost(c1, i1, "connection breaks")
		p.do("wait").see(all, all, "a minute passes")
		p.do("outside 12").see(all, theBroker, `from outside, to "r1": commit #1 on any version, publish outside to all: "hello"`)
		p.healed(all, all, "the faults end, and everything settles").healed(i1, i1, "c1 is over").healed(i1, theBroker, "commit #2 again").healed(theBroker, i1, "committed #2: version i1#2 at 1:4")
		p.failedAt = len(p.steps)
		return p.story
	},
	"long": func() story { return longStory(120) },
	"wide": func() story {
		p := &play{story{
			found:  "found in run 9 (random, seed 0x5): 20 decisions, 3 left after 12 replays in 1 ms",
			failed: violation{check: "codec", text: "Receive of c1 put {\"名前\":\"山田\"} that comes back different\x1b[31m", diff: "- \"名前\": \"山田太郎\"\n+ \"名前\": \"\u202e山田\""},
			names:  strings.NewReplacer("0123456789abcdef0123456789abcdef", "c1").Replace,
		}}
		p.do("connect c1 i1").see(c1, i1, "connect as 0123456789abcdef0123456789abcdef")
		p.do("send c1 x").see(c1, i1, `{"名前":"%s","絵":"%s","id":"0123456789abcdef0123456789abcdef"}`, strings.Repeat("山田太郎", 30), strings.Repeat("👩‍👩‍👧", 3))
		p.do("send c1 y").see(c1, i1, "\xff\xfe\x00 not JSON\r\n\t\u2028 and\u200b more")
		p.failedAt = 2
		return p.story
	},
	"script": func() story {
		p := &play{story{failed: violation{check: "expect", text: "c1 has received something else (-want +got)", diff: "- 1\n+ 2"}}}
		p.see(c1, i1, "connect as c1").see(c1, i1, `{"user":"u1"}`).see(i1, c1, "2")
		p.failedAt = 3
		return p.story
	},
	"so_far": func() story {
		p := &play{}
		return p.see(c1, i1, "connect as c1").see(c1, i1, `{"user":"u1"}`).story
	},
	"three_instances": func() story {
		p := &play{story{
			found:  "found in run 77 (pos, seed 0x3): 200 decisions, 10 left after 212 replays in 9 ms",
			replay: "go test -run '^TestLobby$' . -esttest.replay=testdata/esttest/TestLobby/missed-message-00112233.est",
			failed: violation{check: "missed-message", text: `c3 hears message 3 of "r" and never heard message 2 before it`},
		}}
		for i, at := range []lane{i1, i2, i3} {
			c := lane{client, i + 1}
			p.do(fmt.Sprintf("connect c%d i%d", i+1, i+1)).see(c, at, "connect as c%d", i+1)
		}
		p.do("pause i2").see(i2, i2, "stands still")
		p.do(`ask i1 commit "r"`).see(i1, theBroker, `commit #4 on version "i3#1", require c1, publish c1 to all: {"text":"one of the first messages of many more to come"}`).see(theBroker, i1, `conflicted #4: now {"n":4}, version "i2#7" at 1:1, gone: c3`)
		p.do("resume i2").see(i2, i2, "goes on")
		p.do(`hear i3 "r"`).see(theBroker, i3, `delivered 1:3: c1 to all: {"text":"three"}`).see(i3, c3, `{"text":"three"}`)
		p.do(`fail i2 commit "r"`).lost(i2, theBroker, `commit #8 on version "i2#7", delete`)
		p.do("effect-fails c2").lost(i2, i2, `perform {"mail":"u2"} for c2`)
		p.do("effect-answer c2")
		p.failedAt = len(p.steps) - 1
		p.needed = []bool{true, false, true, false, true, false, true, true, true, true}
		return p.story
	},
}

// longStory has so many scenes, of which every tenth is of a needed step.
func longStory(scenes int) story {
	p := &play{story{
		explanation: "Every connection hears what was committed after its join, in order.",
		found:       fmt.Sprintf("found in run 1 (random, seed 0x1): %d decisions, and no time was left to make them fewer", scenes),
		replay:      "go test -run '^TestRoom$' . -esttest.replay=testdata/esttest/TestRoom/order-12345678.est",
		failed:      violation{check: "order", text: strings.Repeat("one more line of it\n", 9) + "the last", diff: strings.Repeat("  same\n- was\n+ is\n", 20)},
	}}
	p.do("connect c1 i1").see(c1, i1, "connect as c1").do("connect c2 i2").see(c2, i2, "connect as c2")
	for i := 2; i < scenes; i++ {
		p.do(fmt.Sprintf(`send c%d {"n":%d}`, i%2+1, i)).see(lane{client, i%2 + 1}, lane{inst, i%2 + 1}, `{"n":%d}`, i)
	}
	for i := range p.steps {
		p.needed = append(p.needed, i%10 == 1)
	}
	p.failedAt = len(p.steps) - 1
	return p.story
}
