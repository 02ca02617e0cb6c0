package conformance

var closingRules = []rule{}
