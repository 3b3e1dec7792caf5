// Package host probes what this host can enforce.
//
// [Probe] learns what a launch needs to know and is cheap enough to run at
// every start. [ProbeAll] also tries things out (a user namespace, a pidfd,
// the control group files) and is for people who ask. Both return [Facts], a
// comparable value; what follows from the facts is decided elsewhere, by
// functions that make no calls and so can be tested with any facts:
//
//	facts, err := host.ProbeAll(kernel)
//	table := host.Report(facts)
//	err = host.WriteText(os.Stdout, table, 100)
//
// # Limits
//
// Facts are those of the moment and of the calling process: a host is
// reconfigured, a process drops its capabilities, a control group is deleted.
// That something is available is therefore never a promise; the launch checks
// the result of each of its steps all the same.
//
// A few facts follow from the kernel's version alone (clone3 and
// CLONE_INTO_CGROUP, which cannot be asked about without making a process).
// Where this process already runs under somebody's seccomp filter, that filter
// may refuse them; Facts.SeccompMode says so.
package host
