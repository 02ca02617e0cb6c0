package zoo

import (
	"encoding/json"
	"fmt"

	"github.com/spinneyio/est/core"
)

// tallyBugs are about what JSON does to a room state on its way to the store.
func tallyBugs() []Bug {
	return []Bug{
		tallyBug(Bug{Name: "unexported", Check: "codec",
			What:    "The sum is kept in a field that is not exported.",
			Reveals: "Anybody adds anything: it is not stored.",
		}, func(room secret, n int) secret { return secret{room.sum + n} }),

		tallyBug(Bug{Name: "any number", Check: "codec",
			What:    "The sum is an int64 in an any, and comes back as a float64.",
			Reveals: "Anybody adds anything; the second one panics.",
		}, func(room whatever, n int) whatever {
			if room.Sum == nil {
				room.Sum = int64(0)
			}
			return whatever{room.Sum.(int64) + int64(n)} // wrong: JSON has one type of number
		}),

		tallyBug(Bug{Name: "rounded", Check: "codec",
			What:    "MarshalJSON writes the sum as people read it.",
			Reveals: "A sum that is more exact than its text.",
		}, func(room rounded, n int) rounded { return rounded{room.Sum + float64(n)/3} }),

		tallyBug(Bug{Name: "no mean", Check: "outcome",
			What:    "The state has a mean, which is not a number where nothing was added, and JSON has no NaN.",
			Reveals: "The first one adds 0.",
		}, func(room weighted, n int) weighted {
			room.Sum += float64(n)
			room.Weight += float64(n)
			room.Mean = room.Sum / room.Weight // wrong: 0/0
			return room
		}),
	}
}

// tallyBug makes a case of b, in which the sum is kept in an R.
func tallyBug[R any](b Bug, add func(R, int) R) Bug {
	in := counter(add)
	b.Case = of[string, R]{"tally: " + b.Name, func() core.Integration[string, R] { return in }, tallyModel[R]()}
	return b
}

type secret struct {
	sum int // wrong: encoding/json does not see it
}

type whatever struct {
	Sum any `json:"sum"`
}

type rounded struct{ Sum float64 }

func (r rounded) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%.1f", r.Sum), nil } // wrong: UnmarshalJSON can't undo it

func (r *rounded) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &r.Sum) }

type weighted struct {
	Sum    float64 `json:"sum"`
	Weight float64 `json:"weight"`
	Mean   float64 `json:"mean"`
}
