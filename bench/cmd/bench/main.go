// Command bench measures est against what one could write by hand and against other
// libraries. README.md says how, and what came out.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spinneyio/est/bench/internal/load"
	"github.com/spinneyio/est/bench/internal/measure"
	"github.com/spinneyio/est/bench/internal/server"
)

const usage = `usage: go run ./cmd/bench TABLE [flags]

tables, each one printed as Markdown:
  echo       JSON decoded and encoded, no room           about 4 min
  latency    the same at low load                        1 min
  broadcast  one sends to a room                         5 min
  state      rooms with a state, one process             4 min
  redis      rooms with a state, two processes, a Redis  3 min
  idle       memory of connections that do nothing       3 min
  core       transitions in process                      1 min
  scale      many connections, rooms and members         10 min

flags:
`

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are what all tables have.
type options struct {
	rounds  int
	rows    string
	base    string
	cases   string
	work    float64
	conns   int
	profile string
}

func run(args []string, out, progress io.Writer) error {
	if len(args) == 3 && args[0] == "serve" {
		return server.Main(args[1], args[2])
	}
	if len(args) == 2 && args[0] == "load" {
		return load.Main(args[1])
	}
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.Usage = func() {
		fmt.Fprint(progress, usage)
		flags.PrintDefaults()
	}
	flags.IntVar(&o.rounds, "rounds", 5, "how often everything is measured")
	flags.StringVar(&o.rows, "rows", "", "only the base and the rows whose names have one of these, separated by commas, in them")
	flags.StringVar(&o.base, "base", "", "the row that the others are compared with (default: the first)")
	flags.StringVar(&o.cases, "cases", "", "only these, separated by commas")
	flags.Float64Var(&o.work, "work", 1, "how much is done in each measurement, times what is usual")
	flags.IntVar(&o.conns, "conns", 10_000, "idle: connections")
	flags.StringVar(&o.profile, "profile", "", "a folder for CPU profiles of the servers, for go tool pprof")
	name := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	for _, t := range tables {
		if t.name == name {
			return t.run(o, out, progress)
		}
	}
	flags.Usage()
	return fmt.Errorf("there is no table %q", name)
}

// table is something to measure.
type table struct {
	name string
	run  func(o options, out, progress io.Writer) error
}

var tables = []table{
	{"echo", sockets("echo, connections × window", echoes, echoCases)},
	{"latency", sockets("echo at low load, connections at messages a second", echoes, latencyCases)},
	{"broadcast", sockets("broadcast, receivers × window", broadcasts, broadcastCases)},
	{"state", sockets("state, rooms × members × window", states, stateCases)},
	{"redis", sockets("state in Redis, two processes, rooms × members × window", redises, redisCases)},
	{"idle", idle},
	{"core", machine},
	{"scale", scale},
}

// pick leaves the base, first, and the rows that are wanted.
func pick[V any](rows []V, name func(V) string, o options) ([]V, error) {
	base := 0
	if o.base != "" {
		if base = slices.IndexFunc(rows, func(v V) bool { return name(v) == o.base }); base < 0 {
			return nil, fmt.Errorf("there is no row %q", o.base)
		}
	}
	picked := []V{rows[base]}
	for i, v := range rows {
		if i != base && wanted(name(v), o.rows) {
			picked = append(picked, v)
		}
	}
	return picked, nil
}

func wanted(name, rows string) bool {
	return slices.ContainsFunc(strings.Split(rows, ","), func(part string) bool { return strings.Contains(name, part) })
}

// sockets measures servers under load.
func sockets(title string, rows []measure.Variant, cases []measure.Case) func(o options, out, progress io.Writer) error {
	return func(o options, out, progress io.Writer) error {
		variants, err := pick(rows, func(v measure.Variant) string { return v.Name }, o)
		if err != nil {
			return err
		}
		p := measure.Plan{Variants: variants, Rounds: o.rounds, Profile: o.profile, Progress: progress}
		for _, c := range cases {
			if o.cases == "" || slices.Contains(strings.Split(o.cases, ","), c.Name) {
				c.Title = title
				c.Load.Msgs = max(1, int(float64(c.Load.Msgs)*o.work))
				p.Cases = append(p.Cases, c)
			}
		}
		return p.Run(out)
	}
}
