package load

import (
	"math"
	"math/bits"
	"time"
)

// hist counts latencies, in 32 steps for each power of two of nanoseconds: its
// quantiles are off by 3 % at most.
type hist struct {
	n     uint64
	count [60 * 32]uint32
}

func bucket(v time.Duration) int {
	u := uint64(max(v, 0))
	if u < 32 {
		return int(u)
	}
	shift := bits.Len64(u) - 6 // what is left has 6 bits: 32 to 63
	return min((shift+1)*32+int(u>>shift)-32, len(hist{}.count)-1)
}

func middle(bucket int) time.Duration {
	if bucket < 32 {
		return time.Duration(bucket)
	}
	shift := bucket/32 - 1
	return time.Duration(bucket%32+32)<<shift + time.Duration(1)<<shift/2
}

func (h *hist) add(v time.Duration) {
	h.n++
	h.count[bucket(v)]++
}

func (h *hist) merge(o *hist) {
	h.n += o.n
	for i, c := range o.count {
		h.count[i] += c
	}
}

func (h *hist) quantile(q float64) time.Duration {
	want, seen := uint64(math.Ceil(q*float64(h.n))), uint64(0)
	for i, c := range h.count {
		if seen += uint64(c); seen >= want {
			return middle(i)
		}
	}
	return 0
}
