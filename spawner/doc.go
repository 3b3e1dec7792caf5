// Package spawner is the privileged process: it opens the listening sockets, launches the modules with them, passes their output
// on, reports how they end, and stops them in order.
//
// # The resident process
//
// [Resident] is one loop on one OS thread, which also creates every child: the parent-death signal of a child refers to the thread
// that created it. It decides nothing. Its manager, an unprivileged process that it launches as it does any module, asks over one
// socket pair for what the policy allows, in the frames of package wire: start replica 2 of nginx of generation 7, signal it, make
// generation 8 listen. A request that does not fit is refused; a frame that is none, or a manager that does not listen or answer, has it
// killed and started again, with a [wire.Snapshot] and all descriptors. Modules, their pipes and the listening sockets stay with the spawner, so they
// do not notice. Without a manager a request to stop is carried out by the spawner itself.
//
// The loop waits for pidfds, the channel, hung-up listeners, signals and alarms. Whatever can take long is done by another thread and
// posted back: policies are read by one, and compiled in a confined process; what a module leaves behind is ended by another; control
// groups are read by a third, and whatever waits for paths of a policy, a launch above all, has a thread that is not waited for. The loop parses nothing but frames.
//
// A reload is [wire.KindPrepare], which reads, compiles, and reserves the new addresses; [wire.KindListen]; the starts that the manager chooses; and
// [wire.KindCommit] or [wire.KindDiscard]. A listener whose identity is the same in both configurations is the very same socket. A listener
// that a module has shut down is healed.
//
// [Host.Run] is one command in the foreground, without a manager.
//
// # Limits
//
// A launch that waits for a file system that does not answer is given up after some seconds; but its process cannot be killed before the file system lets
// it go, and until then it keeps a thread, its control group, and a copy of each descriptor that the spawner had when it was created: a listener that
// is closed meanwhile stays bound. exec waits with its one launch.
//
// The owner, the mode and the name of a unix socket are changed, and the socket is healed, by the loop: it waits for the file system of that path. New ones are
// made, and old ones removed, with a limit.
//
// A manager that was taken over can stop and start what the policy says, as often as it likes, and read what modules write. It cannot name a command, a
// path, a user or a signal that the policy does not.
//
// The spawner itself needs a dozen threads. Under a tighter limit of processes (pids.max of its own control group, RLIMIT_NPROC of an
// ordinary user) a launch that the kernel refuses is reported as what it is; but when it refuses a thread to the Go runtime, that
// aborts with a dump. Nothing is left behind then either: children end with their parent.
//
// Control groups of a supervisor that was killed are removed by the next one that starts in the same control group.
//
//posixvet:leak os/signal.Ignored, os/signal.Notify, os/signal.Stop: signals reach a Go program through its runtime only
package spawner
