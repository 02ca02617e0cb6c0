package conformance

var keyRules = []rule{}
