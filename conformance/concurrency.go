package conformance

var concurrencyRules = []rule{}
