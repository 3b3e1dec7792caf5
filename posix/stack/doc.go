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
// A layer that only passes a call on costs a nanosecond when it is called in a loop. In a program it is called after the kernel was, and
// processors that are protected against Spectre have forgotten by then where indirect calls go to: each costs ten times as much. Eight of them, which is
// what six layers and a logger come to, are 4 % of opening and closing a file. The single one that is left here is under 1 %. `make bench-posix` measures
// it.
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
