package conformance

var storeRules = []rule{}
