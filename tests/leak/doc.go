// Package leak finds what a test leaves behind: open descriptors, children, goroutines.
//
// A test looks at its own end, a package at the end of all its tests:
//
//	func TestOpen(t *testing.T) {
//		leak.Check(t)
//		…
//	}
//
//	func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }
//
// What is on its way to its end gets a moment.
//
// # Limits
//
// Descriptors and children are the process's: tests that run at the same time see each other's. A goroutine counts when a function of this repository
// is on its stack and it is not one that runs tests.
package leak
