//go:build race

package esttest

func init() { slower = 10 }
