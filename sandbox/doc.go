// Package sandbox turns one module of a policy, and what this host offers, into a launch program and a report of what is enforced.
//
// [Compile] is pure: it asks its [Host] for facts and makes no system call. In production it runs in a confined
// process and the answers come from the spawner; in a test they are written down.
//
// # What a module gets
//
// A root of its own that holds what the policy lists and nothing else: what is not listed answers ENOENT. The same list is a
// Landlock ruleset, so an access that a mount cannot deny (execute below a directory that is listed for reading) is
// denied as well. The links at the top of a Debian root (/bin, /lib, /lib64, /sbin …) are recreated where they lead
// to something that is listed.
//
// A module that notifies has a socket at /run/notify, which NOTIFY_SOCKET names; one with a control socket has it where the policy says. Both
// belong to the instance alone: the spawner makes them, and a bind mount puts them into the root.
//
// dev: minimal is a read-only directory with the host's null, zero, full, random, urandom and tty, links to the standard streams and an empty shm. Its
// devices have no ioctl, which takes version 5 of Landlock; what the policy lists there itself takes the place of what would be there. It has no
// pts, so no terminals can be made; tty opens only for a process that has a controlling terminal.
//
// proc: all is a new proc in which container runtimes' default lists are masked, and read-only where it may be written to: an empty file or
// directory is mounted over each that nobody can open and, the mount being read-only, nobody can change. A capability to read everything finds it
// empty. What a user without capabilities cannot open by its mode is left as it is, because each mount costs a launch some 8 µs; the report
// says which. proc: pid has nothing of the kernel's.
//
// # Dynamic users
//
// user: {dynamic: true} is a number from [FirstDynamicUser] to [LastDynamicUser] that follows from the module's name. Those that the user
// database knows, that systemd has given away or that another module of the same plan has are left out, so a number can change when modules
// come or go. Two supervisors on one host do not know of each other: modules of one name have one number.
//
// # Limits
//
// Landlock does not cover chmod, chown, utime, stat and descriptors that are inherited; read-only mounts do cover the first three.
// A file system mounted on the host below a listed path after the launch is not seen by the module. Without root, modules
// share the kernel's user number of the caller: user namespaces show them the one that the policy names.
//
// What a kernel module puts into proc after a module was compiled is neither masked nor read-only. A module with CAP_SYS_ADMIN could remove masks, in the
// host's user namespace and in its own, if Landlock and seccomp let it unmount, and look past them if seccomp lets it open a copy of the mount, open_tree(2),
// or make a new proc. In a user namespace that it makes itself they stay, mount_namespaces(7).
package sandbox
