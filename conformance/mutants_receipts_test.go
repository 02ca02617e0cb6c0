package conformance_test

var receiptMutants = []mutant{}
