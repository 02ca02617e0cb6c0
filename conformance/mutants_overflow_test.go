package conformance_test

var overflowMutants = []mutant{}
