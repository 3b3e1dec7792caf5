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
//
// The spawner itself needs a dozen threads. Under a tighter limit of processes (pids.max of its own control group, RLIMIT_NPROC of an
// ordinary user) a launch that the kernel refuses is reported as what it is; but when it refuses a thread to the Go runtime, that
// aborts with a dump. Nothing is left behind then either: children end with their parent.
//
// Control groups of a supervisor that was killed are removed by the next one that starts in the same control group.
package spawner
