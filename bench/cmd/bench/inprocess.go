package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spinneyio/est/bench/internal/measure"
	"github.com/spinneyio/est/bench/internal/micro"
)

// row is an operation that is measured in process, and the row that it is compared
// with.
type row struct {
	name string
	base string
	make func() (do func(n int), end func())
}

func bare(do func(n int)) func() (func(n int), func()) {
	return func() (func(n int), func()) { return do, func() {} }
}

// machine measures transitions.
func machine(o options, out, progress io.Writer) error {
	return inProcess("core: a transition", o, out, progress, []row{
		{"bare, in a room", "", bare(micro.Bare())},
		{"by hand: 128 bytes of JSON, a state of 1 KB with a map", "", bare(micro.ByHand(micro.NewCounters(), micro.InCounters))},
		{"est: the same", "by hand: 128 bytes of JSON, a state of 1 KB with a map", bare(micro.Stateful(micro.NewCounters(), micro.InCounters))},
		{"by hand: 128 bytes of JSON, a plain state of 1 KB", "", bare(micro.ByHand(micro.NewTable(), micro.InTable))},
		{"est: the same, plain", "by hand: 128 bytes of JSON, a plain state of 1 KB", bare(micro.Stateful(micro.NewTable(), micro.InTable))},
	})
}

// scale measures what a message costs when there is much else.
func scale(o options, out, progress io.Writer) error {
	own := func(i int) string { return fmt.Sprint("r", i) }
	one := func(int) string { return "r" }
	crowd := func(n int, room func(int) string, use func(*micro.Crowd) func(int)) func() (func(int), func()) {
		return func() (func(int), func()) {
			c := micro.NewCrowd(n, room)
			return use(c), c.End
		}
	}
	var rows []row
	first := ""
	for _, n := range []int{100, 10_000, 100_000} {
		name := fmt.Sprintf("a message, among %d idle rooms of one", n)
		rows = append(rows, row{name, first, crowd(n, own, func(c *micro.Crowd) func(int) { return c.Talk(1) })})
		first = rows[0].name
	}
	first = ""
	for _, n := range []int{1, 100, 10_000} {
		name := fmt.Sprintf("a message, %d rooms in turns", n)
		rows = append(rows, row{name, first, crowd(n, own, func(c *micro.Crowd) func(int) { return c.Talk(n) })})
		if first == "" {
			first = name
		}
	}
	first = ""
	for _, n := range []int{10, 100, 1000, 5000} {
		name := fmt.Sprintf("a delivery, room of %d", n)
		rows = append(rows, row{name, first, crowd(n+1, one, func(c *micro.Crowd) func(int) { return c.Tell(n) })})
		if first == "" {
			first = name
		}
	}
	if err := inProcess("scale: one process, no network", o, out, progress, rows); err != nil {
		return err
	}
	joins(out)
	fair(o, out)
	return nil
}

func joins(out io.Writer) {
	fmt.Fprint(out, "\n| join into a room of | bytes committed |\n|---|---|\n")
	for _, n := range []int{10, 1000, 5000} {
		c := micro.NewCrowd(n, func(int) string { return "r" })
		fmt.Fprintf(out, "| %d | %d |\n", n, c.JoinWeight("r"))
		c.End()
	}
}

func fair(o options, out io.Writer) {
	c := micro.NewCrowd(64, func(i int) string { return fmt.Sprint("r", i) })
	defer c.End()
	var ratios []float64
	for range o.rounds {
		quiet := c.Fairness(o.spend(), false)
		ratios = append(ratios, float64(c.Fairness(o.spend(), true))/float64(quiet))
	}
	fmt.Fprintf(out, "\nA message in a quiet room takes × %s as long, in the median, while another room is flooded.\n", measure.Ratio(ratios))
}

// spend is for how long an operation is measured.
func (o *options) spend() time.Duration { return time.Duration(o.work * float64(200*time.Millisecond)) }

func inProcess(title string, o options, out, progress io.Writer, rows []row) error {
	ns, allocs := map[string][]float64{}, map[string][]float64{}
	for round := range o.rounds {
		for _, r := range rows {
			if !wanted(r.name, o.rows) {
				continue
			}
			do, end := r.make()
			cost := micro.Measure(o.spend(), do)
			end()
			ns[r.name] = append(ns[r.name], cost.Nanoseconds)
			allocs[r.name] = append(allocs[r.name], cost.Allocs)
			fmt.Fprintf(progress, "%d %-56s %.0f ns CPU, %.1f allocs\n", round, r.name, cost.Nanoseconds, cost.Allocs)
		}
	}
	fmt.Fprintf(out, "\n### %s\n\n| operation | CPU ns | allocs | × |\n|---|---|---|---|\n", title)
	for _, r := range rows {
		if ns[r.name] == nil {
			continue
		}
		var ratios []float64
		for i, base := range ns[r.base] {
			ratios = append(ratios, ns[r.name][i]/base)
		}
		fmt.Fprintf(out, "| %s | %.0f | %.1f | %s |\n", r.name, measure.Median(ns[r.name]), measure.Median(allocs[r.name]), measure.Ratio(ratios))
	}
	return nil
}
