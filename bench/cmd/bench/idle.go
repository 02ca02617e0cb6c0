package main

import (
	"fmt"
	"io"

	"github.com/spinneyio/est/bench/internal/measure"
)

var idles = []measure.Variant{
	{Name: "gws behind net/http", Kind: "gws-http"},
	{Name: "est, joined a room", Kind: "est-idle"},
	{Name: "gws", Kind: "gws"},
	{Name: "gws, buffers of 512 bytes", Kind: "gws-512"},
	{Name: "gws behind net/http, buffers of 512 bytes, parallel", Kind: "gws-http-parallel-512"},
	{Name: "centrifuge", Kind: "centrifuge", Centrifuge: true},
	{Name: "melody", Kind: "melody"},
}

// idle measures memory.
func idle(o options, out, progress io.Writer) error {
	rows, err := pick(idles, func(v measure.Variant) string { return v.Name }, o)
	if err != nil {
		return err
	}
	got := map[string][]measure.Memory{}
	for round := range o.rounds {
		for _, v := range rows {
			m, err := measure.Idle(v, o.conns)
			if err != nil {
				return err
			}
			got[v.Name] = append(got[v.Name], m)
			fmt.Fprintf(progress, "%d %-52s %.0f bytes, %.0f after a message\n", round, v.Name, m.Before.Resident, m.After.Resident)
		}
	}
	fmt.Fprintf(out, "\n### idle: bytes for each of %d connections\n\n", o.conns)
	fmt.Fprint(out, "| × against ", rows[0].Name, " | goroutines | resident | × | heap | stacks | after a message: resident | × | heap | stacks |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, v := range rows {
		of := func(f func(measure.Memory) float64) (values []float64) {
			for _, m := range got[v.Name] {
				values = append(values, f(m))
			}
			return values
		}
		median := func(f func(measure.Memory) float64) float64 { return measure.Median(of(f)) }
		ratio := func(f func(measure.Memory) float64) string {
			values := of(f)
			for i := range values {
				values[i] /= f(got[rows[0].Name][i])
			}
			return measure.Ratio(values)
		}
		before := func(m measure.Memory) float64 { return m.Before.Resident }
		after := func(m measure.Memory) float64 { return m.After.Resident }
		fmt.Fprintf(out, "| %s | %.1f | %.0f | %s | %.0f | %.0f | **%.0f** | %s | %.0f | %.0f |\n", v.Name,
			median(func(m measure.Memory) float64 { return m.Goroutines }),
			median(before), ratio(before),
			median(func(m measure.Memory) float64 { return m.Before.Heap }), median(func(m measure.Memory) float64 { return m.Before.Stacks }),
			median(after), ratio(after),
			median(func(m measure.Memory) float64 { return m.After.Heap }), median(func(m measure.Memory) float64 { return m.After.Stacks }))
	}
	return nil
}
