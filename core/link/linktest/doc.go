// Package linktest plays the spawner for tests of a manager: it answers its requests as the spawner does, with instances that are pipes
// of the process that kernel is of: the test's own, or one on an in-memory kernel.
//
//	s := linktest.New(t, kernel, outline)
//	s.Started = func(i *linktest.Instance) { fmt.Fprintln(i.Stdout, "hello") }
//	fd := s.Connect(control)        // the manager's end of a new channel; another manager can be connected when one has ended
//
// # Limits
//
// Nothing is launched and no listener exists. Whatever a request says of generations is believed.
package linktest
