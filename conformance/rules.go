package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// rule is one promise of the contract as a case.
type rule struct {
	name    string
	numbers []int  // of the rules in package broker that it looks at
	promise string // what has to hold
	breaks  string // what goes wrong with est if it doesn't

	needs  []need // what the harness has to offer
	alone  bool   // no other case beside it: it stops the store, or counts what is in it
	closes bool   // it closes handles, or cuts them off

	check func(*trial)
}

// rules are all rules, what others build on first: the record before what is heard
// of it. So the first that fails is where to begin. Before the slash of a name is its group; groups run one after
// the other, the rules of a group at the same time.
var rules = slices.Concat(
	recordRules,
	commitRules,
	receiptRules,
	keyRules,
	concurrencyRules,
	subscriptionRules,
	messageRules,
	modelRules,
	overflowRules,
	contextRules,
	forgettingRules,
	closingRules,
	connectionRules,
	storeRules,
)

// Rule is one promise that the suite looks at.
type Rule struct {
	Name        string // of the subtest
	Explanation string // what it promises, by which rules of package broker, and what of est would break
}

// Rules lists all rules in the order in which the suite reports them: those that
// others build on come first.
func Rules() []Rule {
	var list []Rule
	for i := range rules {
		list = append(list, Rule{rules[i].name, rules[i].explanation()})
	}
	return list
}

// group is the rules whose names begin alike.
type group struct {
	name  string
	rules []int // in rules
}

func groups() (list []group) {
	for i := range rules {
		name, _, _ := strings.Cut(rules[i].name, "/")
		if len(list) == 0 || list[len(list)-1].name != name {
			list = append(list, group{name: name})
		}
		last := &list[len(list)-1]
		last.rules = append(last.rules, i)
	}
	return list
}

func (r *rule) explanation() string {
	var numbers []string
	for _, n := range r.numbers {
		numbers = append(numbers, fmt.Sprint(n))
	}
	which := "rule "
	if len(numbers) > 1 {
		which = "rules "
	}
	return fmt.Sprintf("%s (package broker, %s%s.)\nOtherwise: %s", r.promise, which, strings.Join(numbers, ", "), r.breaks)
}
