package conformance_test

var connectionMutants = []mutant{}
