package conformance_test

var storeMutants = []mutant{}
