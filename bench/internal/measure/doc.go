// Package measure runs servers and load generators as processes of their own, on a
// machine that others use too, and compares what they used.
//
// All that it says is relative: variants take turns in one run, the base runs again
// after every third of the others, each sample is divided by the mean of the two
// samples of the base around it, and the median of these ratios over the rounds is
// the figure.
package measure
