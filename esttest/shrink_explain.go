package esttest

// explain says for each step whether it is necessary: without it alone the failure
// does not happen. It runs once for each step.
func explain(least verdict, run attempt) []bool {
	needed := make([]bool, len(least.steps))
	for i := range least.steps {
		needed[i] = !failsAlike(least, run, tidy(without(least.steps, i)))
	}
	return needed
}

// explainTexts says for each step whether the failure needs the very text that is
// sent: it is false where there is none, and where the failure also happens with each
// of a few others, which are those that the history sends in such a place and the
// text with one value in it changed. It runs once for each of those.
func explainTexts(least verdict, run attempt) []bool {
	needed := make([]bool, len(least.steps))
	all, at := textsOf(least.steps), positions(least.steps)
	for i, st := range least.steps {
		if at[i] == elsewhere {
			continue
		}
		for _, other := range append(otherJSON(st.text), all[at[i]]...) {
			if !needed[i] && other != least.steps[i].text {
				st.text = other
				needed[i] = !failsAlike(least, run, replace(least.steps, i, st))
			}
		}
	}
	return needed
}

func failsAlike(least verdict, run attempt, steps []step) bool {
	v := run(steps)
	return v.failed != nil && least.failed != nil && v.failed.check == least.failed.check
}
