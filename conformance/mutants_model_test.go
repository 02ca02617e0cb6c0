package conformance_test

var modelMutants = []mutant{}
