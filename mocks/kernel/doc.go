// Package kernel is an in-memory kernel that behaves like Linux: an implementation of [posix.Core] for tests.
//
// A [Kernel] is a machine with a file tree, a network of its own, a table of processes and a clock. A [Process] is one process on it, and what the
// process may call: it is a posix.Core, so whatever takes posix.Core, or one of its narrow interfaces, runs on it unchanged, without root,
// and leaves nothing behind.
//
//	k := kernel.New(kernel.Config{})
//	p := k.Init() // process 1, user 0
//	fd, err := p.Openat2(posix.AtFDCWD, "/etc/x", posix.OpenHow{Flags: unix.O_RDONLY})
//
// Errors are bare errnos, those of Linux. The suite in tests/conformance runs on both.
//
// The methods of Kernel set the machine up and look at it, as whoever owns it ([Kernel.WriteFile], [Kernel.Install], [Kernel.Limit], …); those of Process are calls, with the rights
// of that process. [Process.Child] makes one that the test drives, [Process.Fork] and execve make ones that run a function. At the end [Kernel.Close] ends what
// runs and names descriptors that are still open.
//
// # Time and order
//
// The clock is virtual: it stands still while somebody runs, and jumps to the next timer when all processes wait. Exactly one
// runs at a time: a call that must wait hands over to a process whose wait is over, chosen by the seed. So a program and a seed have one trace, however
// busy the machine is. When everybody waits and no timer is set, nobody ever goes on: the call panics and says who waits for what.
// [Kernel.Settle] lets the others run until they wait, [Kernel.Advance] lets time pass.
//
// With Config.Concurrent, processes may be called from any number of goroutines at the same time; then the clock is moved by Advance only, and the
// order is that of the Go scheduler. With Config.GoTime the clock is that of Go's package time, so that programs that use both agree; in a bubble of
// testing/synctest both are virtual.
//
// # What to choose
//
//	the program is                                   Config
//	one goroutine for each process                   {Seed: n}: order and time follow from the seed, a deadlock is a panic that names who waits
//	a server with goroutines (package posix/fd)      {Concurrent: true}, in a bubble of testing/synctest: Wait waits until everybody waits
//	one that uses package time as well               {Concurrent: true, GoTime: true}, in a bubble
//
// docs/guide-testing.md has a server that is tested like that, with its descriptors, its disk and its child taken away.
//
// # Limits
//
//   - Files: file systems behave as tmpfs does. There are no access control lists, extended attributes, quotas, leases, fcntl(2) locks, inode flags or block devices, and
//     F_SETSIG is noted only. A directory lists its names in the order in which they were made.
//   - Memory: Mmap answers at once with all of the memory, so a private mapping of a file does not see what is written to the file later, protections are noted but
//     nothing faults, and 4 GiB is the longest mapping. What is mapped MAP_SHARED lies in the first GiB of its file, and a second shared mapping that goes far
//     beyond the first one is ENOMEM while the first one lasts. Madvise knows what Mmap made, not Go's own memory. A child does not get its parent's mappings.
//   - /proc has what describes processes and mounts, and those of /proc/sys that programs read; sysctls cannot be written.
//   - Sockets: AF_UNIX, and TCP and UDP over loopback, which is the only interface; raw, netlink, packet and vsock sockets are refused (EAFNOSUPPORT,
//     EPROTONOSUPPORT). There is no MSG_OOB, ETOOMANYREFS, SO_PASSPIDFD, timeouts of sockets or multicast. What TCP is sent has arrived and is
//     acknowledged; a connection holds 2.5 MiB in each direction, where Linux adapts it. Credentials are numbers of the first pid and user namespaces.
//   - Options of sockets that nothing here looks at are remembered; those that are not known are ENOPROTOOPT.
//   - Pipes: pages and packets as in Linux, without notification pipes and the limits per user.
//   - Terminals: the line discipline without columns (erasing a tab), VTIME, EXTPROC and packet mode; the bytes that wait are counted, not their buffers.
//     Reading in the background does not stop a process.
//   - A launch program creates no processes: clone(2) in one is ENOSYS, and so posix.Program.Shared changes nothing.
//   - Namespaces, filters and domains belong to the process, which has one thread: a Setns or Unshare that on Linux moves the calling thread moves here what other
//     goroutines of the same process do, too.
//   - CLONE_FS shares nothing: a child has directories and a umask of its own. A signalfd in an epoll instance that is shared with a child is ready for whoever waits, where
//     on Linux only signals of the process that added it wake anybody.
//   - Mounts are not propagated: MS_SHARED is noted, and refused where Linux refuses it.
//   - A seccomp listener can be held and closed, not read: posix.Core has no call for that. A notified call waits until it is closed. A trap ends the process, and nothing
//     is logged.
//   - Of a control group, pids.max, cgroup.kill and cgroup.events are enforced and told; limits of memory and processors are kept and change nothing, cgroup.freeze
//     freezes nobody, and there is no version 1.
//   - Launch programs have the calls that package sandbox emits and a few more; others are ENOSYS.
package kernel
