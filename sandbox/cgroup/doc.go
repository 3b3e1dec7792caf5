// Package cgroup gives every instance of a module a control group of its own, with limits, on version 2 and version 1.
//
// One supervisor has one top directory, named after its process, in every
// hierarchy that it uses; below it there is one directory per module, and below
// that one per instance:
//
//	…/bulkhead-4711-1234567-4026531836/web/0
//
// The three numbers are the supervisor's process number, its start time and its
// pid namespace, so that [Root.Sweep] knows the leftovers of a dead one. [Open]
// finds a place where groups may be made and says why there is none, when there
// is none. [Root.Instance] makes a group, writes its limits, reads them back and
// compares. [Instance.Join] is what a launch needs to start a process inside.
//
// # Which hierarchy
//
// Each controller is used where the host has it: on version 2 when it is listed
// there, else on its version 1 mount, so hybrid hosts work. An instance also has
// a version 2 group when there is a version 2 mount without controllers, because
// a process can be cloned into it and cgroup.kill ends it at once. Every instance has every controller that the groups were opened with, so
// that what it uses is counted even where it has no limit. Where there is
// no usable version 2 at all, an instance without limits gets a group of the pids
// controller (or, failing that, of the freezer), which is enough to find and end
// all of its processes: with pids.max at 0 nothing in it can fork away.
//
// On version 2 the groups are made in the nearest directory, from the
// supervisor's own group upwards, that may be written and hands the wanted
// controllers down; so the limits that the host has put on the supervisor's
// surroundings hold as far as they can. Controllers are switched on only in the
// supervisor's own group, for which it moves itself into a leaf when it is alone
// there ("no internal processes"), or at the root of the hierarchy, where they stay on.
//
// # Swap
//
// memory.max is the limit of memory and swap together: on version 2
// memory.swap.max is set to 0, on version 1 memory.memsw.limit_in_bytes to the
// same value. On a kernel that does not account swap neither file exists;
// then [Instance.SwapLimited] is false, and swap that the host may have comes on
// top of the limit.
//
// # Disks
//
// io.max takes whole disks by their numbers; package host finds them. On version 2
// the controllers of memory and of disks go together where both are handed down,
// because the kernel charges what it writes later on to the owner of the memory.
// io.weight is written to each file that the kernel has for it, in the range of the
// file: 1 to 10000 becomes 1 to 1000 of bfq as systemd converts it, and 100 stays 100.
//
// # Limits
//
// On version 1 only reads, direct writes and what a process waits for (fsync) are
// held to io.max: what the kernel writes back by itself belongs to nobody there. A
// process that waits for a disk does not die of SIGKILL before its request is through;
// so a limit of disks is lifted while an instance is killed.
//
// On version 1 [Events.MemoryMax] is a guess from how much was used at most.
//
// Limits are written by containerd/cgroups, which makes system calls of its
// own; everything else goes through posix.
//
// A limit is only as strong as the protection of its file: a process with the
// supervisor's own user can write to it if it sees it. Bind [Instance.Dirs]
// read-only into a root, or do not show them at all.
//
// On version 1 a process joins by writing to a file of each hierarchy, one
// after the other, before it executes the module; on version 2 it is born inside.
package cgroup
