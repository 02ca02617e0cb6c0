package conformance

var receiptRules = []rule{}
