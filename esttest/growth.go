package esttest

import (
	"math/rand/v2"
	"strconv"

	"github.com/spinneyio/est/broker"
)

// growthRun has a few clients talk for long, without faults and without anybody
// coming or going, and looks whether a room's state grows with what they say.
func (x *explorer[C, R]) growthRun(r *rand.Rand) verdict {
	s := x.sim()
	s.allowed = 0
	x.list = x.list[:0]
	calm := &weighted{r: r, weights: weights{connect: 100, send: 10, ask: 20, hear: 20, effectAsk: 20, notice: 20, outside: 2}}
	var sizes []map[string]int
	for len(sizes) < 4 {
		for range growthSteps {
			x.buf = s.options(x.buf[:0])
			i := calm.choose(x.buf, s, 0)
			if i < 0 || s.failed != nil {
				break
			}
			if ch := x.buf[i]; s.fill(&ch, r) {
				x.apply(s, ch)
			}
		}
		sizes = append(sizes, s.sizes())
	}
	if s.failed == nil {
		for _, rec := range s.rooms {
			a, b, c, d := sizes[0][rec.key], sizes[1][rec.key], sizes[2][rec.key], sizes[3][rec.key]
			if a > 0 && d > 1500 && b-a > a/2 && c-b > a/2 && d-c > a/2 {
				s.fail("growth", "nobody comes or goes, and the state of %s grows with what is said: %d bytes, then %d, %d, %d. It is read and written whole with every change: bound it", strconv.Quote(rec.key), a, b, c, d)
			}
		}
	}
	return x.end(s, x.list)
}

// growthSteps is how many decisions lie between two looks at the sizes.
const growthSteps = 400

func (s *sim[C, R]) sizes() map[string]int {
	sizes := map[string]int{}
	for _, r := range s.rooms {
		sizes[r.key] = len(valueOf(r.state))
	}
	return sizes
}

func valueOf(s broker.State) []byte { return s.Record(false).Value }
