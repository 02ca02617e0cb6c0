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

func failsAlike(least verdict, run attempt, steps []step) bool {
	v := run(steps)
	return v.failed != nil && least.failed != nil && v.failed.check == least.failed.check
}
