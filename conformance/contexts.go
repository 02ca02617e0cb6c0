package conformance

var contextRules = []rule{}
