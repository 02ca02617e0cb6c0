package esttest

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Scope is how much [Exhaust] looks at. Zero fields are the defaults. One more of
// anything multiplies the states: begin small.
type Scope struct {
	Instances int           // simulated instances; 2
	Clients   int           // 2
	Messages  int           // that a client sends on one connection at most, its hello included; 2
	Lives     int           // connections of one client, one after the other, at most; 1, and no more than 4
	Values    int           // different messages of Model.Client, and seeds of Model.Outside, that are tried at each point; 1
	Outside   int           // things from outside any connection in one run at most, if there is a Model.Outside; 1
	Faults    Faults        // which kinds, and how many in one run; none, and where there are kinds 1
	States    int           // how many to visit at most; 1,000,000
	Time      time.Duration // how long to go on at most; 10 s
	Disable   []string      // names of built-in checks (see Checks) that do not hold for this integration by design
	Dir       string        // for saved failures; testdata/esttest
}

func (s Scope) withDefaults() Scope {
	s.Instances = cmp.Or(s.Instances, 2)
	s.Clients = cmp.Or(s.Clients, 2)
	s.Messages = cmp.Or(s.Messages, 2)
	s.Lives = cmp.Or(s.Lives, 1)
	s.Values = cmp.Or(s.Values, 1)
	s.Outside = cmp.Or(s.Outside, 1)
	s.Faults.Kinds = cmp.Or(s.Faults.Kinds, NoFaults)
	s.Faults.Max = cmp.Or(s.Faults.Max, 1)
	s.States = cmp.Or(s.States, 1_000_000)
	s.Time = cmp.Or(s.Time, 10*time.Second)
	return s
}

// validate says everything that is wrong with a scope, but for what its options
// have in common with [Options].
func (s Scope) validate() error {
	var errs []error
	for _, f := range []struct {
		name string
		n    int
	}{{"Messages", s.Messages}, {"Lives", s.Lives}, {"Values", s.Values}, {"Outside", s.Outside}, {"States", s.States}, {"Time", int(s.Time)}} {
		if f.n < 0 {
			errs = append(errs, fmt.Errorf("esttest: Scope.%s is negative", f.name))
		}
	}
	if s.Lives > maxLives {
		errs = append(errs, fmt.Errorf("esttest: Scope.Lives is %d, and no client connects more than %d times", s.Lives, maxLives))
	}
	return errors.Join(errs...)
}

// options are those that a run in this scope has.
func (s Scope) options() *Options {
	return &Options{Instances: s.Instances, Clients: s.Clients, Steps: s.Clients * s.Lives * (s.Messages + 2),
		Faults: s.Faults, Time: s.Time, Seed: 1, Disable: s.Disable, Dir: s.Dir}
}

// String is the scope in a log.
func (s Scope) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s × ", count(s.Clients, "client"))
	if s.Lives > 1 {
		fmt.Fprintf(&b, "%s × ", count(s.Lives, "connection"))
	}
	b.WriteString(count(s.Messages, "message"))
	if s.Values > 1 {
		fmt.Fprintf(&b, " of %s", count(s.Values, "value"))
	}
	fmt.Fprintf(&b, ", %s, ", count(s.Instances, "instance"))
	if s.Faults.kinds() == 0 {
		b.WriteString("no faults")
	} else {
		fmt.Fprintf(&b, "%s of %v", count(s.Faults.Max, "fault"), s.Faults.kinds())
	}
	return b.String()
}

// count is a number with its thousands set apart, and what it counts.
func count(n int, what string) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if n != 1 {
		what += "s"
	}
	return digits + " " + what
}
