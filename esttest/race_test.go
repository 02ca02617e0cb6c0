//go:build race

package esttest_test

func init() { underRace = true }
