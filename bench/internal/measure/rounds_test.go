package measure

import (
	"math"
	"testing"
)

// Each sample has a sample of the base before and after it, at most three others away.
func TestOrder(t *testing.T) {
	for variants := 1; variants < 12; variants++ {
		for round := range 5 {
			seq := order(round, variants)
			ran := map[int]int{}
			for i, n := range seq {
				ran[n]++
				if n != 0 && (i < 3 || seq[i-1]*seq[i-2]*seq[i-3] != 0) && i > 2 {
					t.Errorf("%d variants, round %d: %v: nobody before %d is the base", variants, round, seq, i)
				}
			}
			if len(ran) != variants || seq[0] != 0 || seq[len(seq)-1] != 0 {
				t.Errorf("%d variants, round %d: %v", variants, round, seq)
			}
			for n := 1; n < variants; n++ {
				if ran[n] != 1 {
					t.Errorf("%d variants, round %d: %d runs %d times", variants, round, n, ran[n])
				}
			}
		}
	}
}

func TestMedian(t *testing.T) {
	if m := Median([]float64{9, 1, 5}); m != 5 {
		t.Errorf("the median of 9, 1, 5 is %v", m)
	}
	if m := Median([]float64{9, 1, 5, 3}); m != 4 {
		t.Errorf("the median of 9, 1, 5, 3 is %v", m)
	}
	if !math.IsNaN(Median(nil)) {
		t.Error("nothing has a median")
	}
}
