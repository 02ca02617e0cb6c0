package conformance

var subscriptionRules = []rule{}
