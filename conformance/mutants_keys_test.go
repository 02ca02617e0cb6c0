package conformance_test

var keyMutants = []mutant{}
