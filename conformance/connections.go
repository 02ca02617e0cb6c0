package conformance

var connectionRules = []rule{}
