package conformance

import (
	"fmt"
	"time"
)

// need returns "" if h offers something, or else what is missing and how to give it.
type need func(h *Harness) (missing string)

func needsCut(h *Harness) string { return given("Faults.Cut", h.Faults.Cut != nil) }
func needsHoldReconnect(h *Harness) string {
	return given("Faults.HoldReconnect", h.Faults.HoldReconnect != nil)
}
func needsLoseReply(h *Harness) string     { return given("Faults.LoseReply", h.Faults.LoseReply != nil) }
func needsBlackHole(h *Harness) string     { return given("Faults.BlackHole", h.Faults.BlackHole != nil) }
func needsRestart(h *Harness) string       { return given("Faults.Restart", h.Faults.Restart != nil) }
func needsEmpty(h *Harness) string         { return given("Faults.Empty", h.Faults.Empty != nil) }
func needsRollback(h *Harness) string      { return given("Faults.Rollback", h.Faults.Rollback != nil) }
func needsSubscriptions(h *Harness) string { return given("Subscriptions", h.Subscriptions != nil) }
func needsValueLimit(h *Harness) string    { return given("Limits.Value", h.Limits.Value > 0) }
func needsKeyLimit(h *Harness) string      { return given("Limits.Key", h.Limits.Key > 0) }

func given(what string, is bool) string {
	if is {
		return ""
	}
	return "the harness has no " + what
}

// longest is the longest retention that a case waits for.
const longest = 5 * time.Second

func needsRetention(h *Harness) string {
	switch keep := h.Limits.Retention; {
	case keep <= 0:
		return "the harness does not state Limits.Retention"
	case keep > longest:
		return fmt.Sprintf("Limits.Retention is %v: open the store with at most %v", keep, longest)
	}
	return ""
}
