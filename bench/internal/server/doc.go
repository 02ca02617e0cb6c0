// Package server has the servers that are compared: est's, as its README writes one;
// the best that one could write by hand over gws; and those of other libraries.
//
// [Main] is the process of one. It prints READY and its address, and then answers
// each line of its input by a line: "stat", "free" (the same after giving memory
// back), "open" (how many connections are where they belong), "sum" (of the counters in all
// rooms), "profile FILE" and "profiled" (CPU, in between). It ends with its input.
//
// Nothing here checks origins, limits rates or bounds queues but est's and the
// libraries' own doing.
package server
