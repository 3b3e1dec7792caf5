// Package launch runs launch programs: it prepares the descriptors that a program names, links it, and creates the child.
//
// A [Launcher] belongs to one OS thread. The goroutine that uses it must be locked to that thread for life: the kernel sends a child
// its parent-death signal when the thread that created it ends, and entering a pid namespace changes the thread.
//
// What the child does is in package program; the raw loop over its steps is posix/linux's Clone3.
//
// The init of a pid namespace makes the module's other namespaces and holds them, and so does more than half of a launch: a [Sandbox], which can be
// made before anybody wants it. Each is for one launch; the namespaces of one instance are never another's.
//
// What is made once for all launches of a launcher is the empty mount namespace that they copy: see [Launcher.Ready]. What is made beside the init,
// by a process of its own, is the network namespace, which takes the kernel as long as all the rest.
//
// With [Options.Narrow] the thread's own bounding set is made smaller for good, to what the programs need that it is going to launch, which then need not do that each time.
//
// # Errors
//
// A failing step is a [*StepError]. It names the module, the call, the kernel's answer and the line of the policy:
//
//	nginx: landlock_restrict_self: operation not supported (policy web.yaml:31)
//
// # Limits
//
// Descriptors are opened with a deadline, but a program whose file system stops answering between that and the exec hangs in the
// exec, and so does its working directory; the calling thread then waits with it, and cannot be called back. So a caller that has something else
// to do has a thread for it, as the spawner has.
//
// A spawner that is killed in the microseconds in which a child exists and has not asked for its parent-death signal, or in which that is taken back
// because the child becomes another user, leaves that child: an init without anybody else in its namespace, or, without a pid namespace, the module.
//
// What is mounted on the host below a mounted directory after a sandbox was made is not in it.
package launch
