// Package containerd writes the limits of control groups through containerd/cgroups, for a supervisor that stays:
//
//	cgroup.Open(kernel, facts, cgroup.Options{Library: containerd.Library{}, …})
//
// It is the only package that knows the library, whose statistics, eBPF and protocol buffers take a program a third of a millisecond to
// initialise. One that lives for milliseconds, as `supervisor exec` does, leaves it out, and package cgroup writes the same values.
//
// # Limits
//
// The library makes system calls of its own, and ignores some values it does not like; so package cgroup reads back what it wrote.
//
//posixvet:leak github.com/containerd/cgroups/v3/cgroup1.*: writes the limits of a group by itself; they are read back through posix.Files
//posixvet:leak github.com/containerd/cgroups/v3/cgroup2.*: writes the limits of a group by itself; they are read back through posix.Files
package containerd
