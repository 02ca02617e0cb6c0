package conformance_test

var contextMutants = []mutant{}
