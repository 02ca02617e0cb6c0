package conformance

var overflowRules = []rule{}
