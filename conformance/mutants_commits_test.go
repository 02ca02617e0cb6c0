package conformance_test

var commitMutants = []mutant{}
