package conformance

var commitRules = []rule{}
