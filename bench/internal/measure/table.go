package measure

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

// column is a figure of each sample, of which the table has the median.
type column struct {
	head string
	of   func(result) float64
	text func([]float64) string
}

func plain(v []float64) string { return figure(Median(v)) }
func bold(v []float64) string  { return "**" + figure(Median(v)) + "**" }

// Ratio prints the median, and how far the others are from it.
func Ratio(v []float64) string {
	if len(v) == 0 {
		return "–"
	}
	return fmt.Sprintf("**%.2f** (%.2f–%.2f)", Median(v), slices.Min(v), slices.Max(v))
}

func (c *Case) columns(redis bool) []column {
	unit := "message"
	if c.deliveries() {
		unit = "delivery"
	}
	columns := []column{
		{"per second", func(r result) float64 { return r.PerSecond }, plain},
		{"×", func(r result) float64 { return r.PerSecond / r.base.PerSecond }, Ratio},
		{"server CPU µs/" + unit, func(r result) float64 { return r.cpu() / 1e3 }, bold},
		{"user", func(r result) float64 { return float64(r.CPU.User) / 1e3 }, plain},
		{"CPU ×", func(r result) float64 { return r.cpu() / r.base.cpu() }, Ratio},
		{"allocs", func(r result) float64 { return r.Allocs }, plain},
		{"p50 µs", func(r result) float64 { return float64(r.P50) / 1e3 }, plain},
		{"×", func(r result) float64 { return float64(r.P50) / float64(r.base.P50) }, Ratio},
		{"p99 µs", func(r result) float64 { return float64(r.P99) / 1e3 }, plain},
		{"×", func(r result) float64 { return float64(r.P99) / float64(r.base.P99) }, Ratio},
	}
	if c.deliveries() {
		columns = append(columns, column{"last p50 µs", func(r result) float64 { return float64(r.LastP50) / 1e3 }, plain})
	}
	if redis {
		columns = append(columns,
			column{"Redis CPU µs", func(r result) float64 { return float64(r.Redis.User+r.Redis.System) / 1e3 }, plain},
			column{"commits tried", func(r result) float64 { return r.Tries }, plain})
	}
	return columns
}

func (p *Plan) table(out io.Writer, c Case, got map[string][]result) {
	columns := c.columns(p.Variants[0].Redis)
	fmt.Fprintf(out, "\n### %s: %s\n\n| × against %s |", c.Title, c.Name, p.Variants[0].Name)
	for _, col := range columns {
		fmt.Fprintf(out, " %s |", col.head)
	}
	fmt.Fprintf(out, "\n|---|%s\n", strings.Repeat("---|", len(columns)))
	for _, v := range p.Variants {
		fmt.Fprintf(out, "| %s |", v.Name)
		for _, col := range columns {
			var values []float64
			for _, r := range got[v.Name] {
				values = append(values, col.of(r))
			}
			fmt.Fprintf(out, " %s |", col.text(values))
		}
		fmt.Fprintln(out)
	}
}

// figure prints about three digits.
func figure(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return "–"
	case a >= 1e6:
		return fmt.Sprintf("%.2fM", v/1e6)
	case a >= 1e5:
		return fmt.Sprintf("%.0fk", v/1e3)
	case a >= 1e4:
		return fmt.Sprintf("%.1fk", v/1e3)
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func micros(d time.Duration) string { return figure(float64(d) / 1e3) }
