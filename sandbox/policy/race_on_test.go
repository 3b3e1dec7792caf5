//go:build race

package policy

// raceFactor is how much slower the race detector makes what the tests time.
const raceFactor = 10
