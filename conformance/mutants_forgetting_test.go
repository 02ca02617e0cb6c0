package conformance_test

var forgettingMutants = []mutant{}
