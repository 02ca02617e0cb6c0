package conformance_test

var closingMutants = []mutant{}
