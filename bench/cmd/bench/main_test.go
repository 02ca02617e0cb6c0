package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/spinneyio/est/bench/internal/load"
	"github.com/spinneyio/est/bench/internal/measure"
)

// The tables' children are this program again: here, the test.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "serve" || os.Args[1] == "load") {
		main()
		return
	}
	os.Exit(m.Run())
}

// Every row of every table runs, and does what it is told; how fast is of no interest.
func TestTables(t *testing.T) {
	for _, table := range []struct {
		name     string
		variants []measure.Variant
		cases    []measure.Case
	}{
		{"echo", echoes, echoCases},
		{"latency", echoes[:2], latencyCases},
		{"broadcast", broadcasts, broadcastCases},
		{"state", states, stateCases},
		{"redis", redises, redisCases},
	} {
		t.Run(table.name, func(t *testing.T) {
			if _, err := exec.LookPath("redis-server"); table.name == "redis" && err != nil {
				if os.Getenv("CI") != "" {
					t.Fatal("redis-server is not installed")
				}
				t.Skip("redis-server is not installed")
			}
			for _, v := range table.variants {
				c := small(table.cases[0])
				s, err := measure.Run(v, c, "")
				if err != nil {
					t.Error(err)
				} else if s.PerSecond <= 0 || s.P50 <= 0 {
					t.Errorf("%s: measured nothing: %+v", v.Name, s)
				}
			}
		})
	}
}

// small is c with as little to do as there can be.
func small(c measure.Case) measure.Case {
	c.Load.Msgs = 64
	c.Load.Conns = min(c.Load.Conns, 8)
	c.Load.Members = min(c.Load.Members, 8)
	c.Load.Rooms = min(c.Load.Rooms, 4)
	if c.Load.Mode == load.Paced {
		c.Load.Rate = 10_000
	}
	return c
}

func TestIdle(t *testing.T) {
	for _, v := range idles {
		if m, err := measure.Idle(v, 20); err != nil {
			t.Error(err)
		} else if m.Goroutines < 0.5 {
			t.Errorf("%s: %v goroutines for a connection", v.Name, m.Goroutines)
		}
	}
}

// A table has a row for each variant that was asked for, and figures in it.
func TestPrints(t *testing.T) {
	for _, c := range []struct {
		args []string
		rows []string
	}{
		{[]string{"state", "-work", "0.01", "-rounds", "1", "-cases", "8x8x1", "-rows", "est"}, []string{"gws and mutex, Broadcaster", "est"}},
		{[]string{"core", "-work", "0.01", "-rounds", "1"}, []string{"bare, in a room", "est: the same", "est: the same, plain"}},
		{[]string{"scale", "-work", "0.01", "-rounds", "1", "-rows", "10 idle,room of 10"}, []string{"a delivery, room of 10"}},
	} {
		var out, progress bytes.Buffer
		if err := run(c.args, &out, &progress); err != nil {
			t.Errorf("%v: %v", c.args, err)
			continue
		}
		for _, row := range c.rows {
			if !strings.Contains(out.String(), fmt.Sprintf("\n| %s | ", row)) || strings.Contains(out.String(), "NaN") {
				t.Errorf("%v: no row %q in\n%s", c.args, row, &out)
			}
		}
	}
}

func TestUnknown(t *testing.T) {
	for _, args := range [][]string{{"nothing"}, {"echo", "-base", "nobody"}, {}} {
		var out, progress bytes.Buffer
		if err := run(args, &out, &progress); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}
