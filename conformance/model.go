package conformance

var modelRules = []rule{}
