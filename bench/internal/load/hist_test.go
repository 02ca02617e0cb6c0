package load

import (
	"testing"
	"time"
)

// A quantile is off by 3 % at most.
func TestQuantile(t *testing.T) {
	for _, unit := range []time.Duration{1, 37, time.Microsecond, time.Millisecond, 40 * time.Millisecond} {
		var h, half hist
		for i := range 1000 {
			if i%2 == 0 {
				h.add(time.Duration(i+1) * unit)
			} else {
				half.add(time.Duration(i+1) * unit)
			}
		}
		h.merge(&half)
		for _, q := range []float64{.01, .5, .99, 1} {
			want := q * 1000 * float64(unit)
			if got := float64(h.quantile(q)); got < want*0.97 || got > want*1.03 {
				t.Errorf("in units of %v, the quantile %v is %v; want %v", unit, q, time.Duration(got), time.Duration(want))
			}
		}
	}
}
