package conformance_test

var subscriptionMutants = []mutant{}
