// Package stack puts the standard layers of a program on top of a posix.Core.
//
//	core := stack.New(linux.New(), stack.Options{Logger: logger, Level: level, Rules: &rules})
//	posix.Use(core)
//	registry.MustRegister(core.Counts().Collector("spawner"))
//
// The layers are, from the outermost to the innermost,
//
//	errs > log > metrics > restrict > retry > fault
//
// each as its own package describes it, and what is returned behaves like them one on top of the other. It is faster: a call for which no layer has
// anything to do beforehand is made at once, and counted when it has ended. Whoever wants other layers puts them together by hand and lets
// [posix.CheckOrder] look at the order.
//
// # Why
//
// The six layers put together by hand add 20 ns to a call that costs nothing, and 6 % to opening and closing /dev/null, which is more than
// twice 20 ns: after each visit to the kernel a processor has to learn anew where indirect calls go to and where functions return to, and each layer is
// one of both. This adds 8 ns and 2 %. Those are medians on a machine of two cores; `make bench-posix` measures it.
//
// # Which calls take the long way
//
//   - those that the rules deny: a predicate is asked twice then;
//   - one in 64 of each operation, whose duration is taken;
//   - all while calls are logged, and while there are rules about faults.
//
// # Limits
//
// A recording layer is none of these: stack.New goes on top of it.
package stack
