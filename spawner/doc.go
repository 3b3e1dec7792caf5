// Package spawner is the privileged process: it opens the listening sockets, launches the modules with them, passes their output
// on, reports how they end, and stops them in order.
//
// [Supervise] is one loop on one OS thread, which also creates every child: the parent-death signal of a child refers to the thread
// that created it. The loop waits for pidfds, output pipes and signals; it parses nothing that a module wrote beyond looking for the
// ends of lines.
//
// # Limits
//
// In this version nothing is restarted: a module that ends stays ended, and the supervisor ends with the last one. Restart policies are
// read and checked, and carried out by the manager of a later version.
package spawner
