package measure

import (
	"fmt"
	"io"
	"math"
	"slices"
)

// Plan is what to measure.
type Plan struct {
	Variants []Variant // the first is the base
	Cases    []Case
	Rounds   int
	Profile  string    // a folder for CPU profiles of the servers; "" for none
	Progress io.Writer // a line for each run
}

// result is a sample and the mean of the base's samples around it.
type result struct {
	Sample
	base Sample
}

// Run measures all of p, round by round, and prints a table for each case to out.
func (p *Plan) Run(out io.Writer) error {
	got := map[string]map[string][]result{} // by case, then variant
	for _, c := range p.Cases {
		got[c.Name] = map[string][]result{}
	}
	for round := range p.Rounds {
		for _, c := range p.Cases {
			if err := p.round(round, c, got[c.Name]); err != nil {
				return err
			}
		}
	}
	for _, c := range p.Cases {
		p.table(out, c, got[c.Name])
	}
	return nil
}

// order is which variants run one after the other in a round: the others in an order
// that changes from round to round, the base around every three of them.
func order(round, variants int) (seq []int) {
	others := variants - 1
	for k := range others {
		if k%3 == 0 {
			seq = append(seq, 0)
		}
		seq = append(seq, 1+(k+round*3)%others)
	}
	return append(seq, 0)
}

func (p *Plan) round(round int, c Case, got map[string][]result) error {
	seq := order(round, len(p.Variants))
	samples := make([]Sample, len(seq))
	for i, n := range seq {
		s, err := Run(p.Variants[n], c, p.Profile)
		if err != nil {
			return err
		}
		samples[i] = s
		fmt.Fprintf(p.Progress, "%d %-8s %-32s %s/s, server %s + %s µs, client %s µs, p50 %s µs, p99 %s µs\n", round, c.Name, p.Variants[n].Name,
			figure(s.PerSecond), micros(s.CPU.User), micros(s.CPU.System), micros(s.Client), micros(s.P50), micros(s.P99))
	}
	for i, n := range seq {
		before := i - slices.Index(reversed(seq[:i+1]), 0)
		after := i + slices.Index(seq[i:], 0)
		name := p.Variants[n].Name
		got[name] = append(got[name], result{samples[i], mean(samples[before], samples[after])})
	}
	return nil
}

func reversed(s []int) []int {
	s = slices.Clone(s)
	slices.Reverse(s)
	return s
}

// mean is of what ratios are made of.
func mean(a, b Sample) Sample {
	a.PerSecond = (a.PerSecond + b.PerSecond) / 2
	a.CPU.User = (a.CPU.User + b.CPU.User) / 2
	a.CPU.System = (a.CPU.System + b.CPU.System) / 2
	a.P50, a.P99 = (a.P50+b.P50)/2, (a.P99+b.P99)/2
	return a
}

// Median is the middle of v; NaN of none.
func Median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
