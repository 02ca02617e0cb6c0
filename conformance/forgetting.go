package conformance

var forgettingRules = []rule{}
