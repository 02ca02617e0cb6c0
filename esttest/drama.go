package esttest

// drama is the history of a scripted cluster, as a drawing.
func (c *Cluster[C, R]) drama(v violation) string {
	return story{failed: v, explanation: whatOf(v.check), steps: c.list, scenes: c.s.scenes, failedAt: c.s.steps, names: c.s.names}.String()
}
