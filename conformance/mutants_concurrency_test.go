package conformance_test

var concurrencyMutants = []mutant{}
