// Command bench measures what the sandbox costs, against bubblewrap where that does the same, and prints a line
// `figure: NAME VALUE` for each number that has a goal or a use elsewhere.
//
// Two things that are compared take turns in one run, in alternating order, and their medians are divided: whatever else the
// machine does hits both. Each is started by this process with a bare vfork and exec, so that nothing but the thing itself counts,
// and the clock runs until it was reaped.
//
//   - launch_vs_bwrap: an instance launched and finished by this process, which stays, against a whole bwrap. Both run a static
//     program that does nothing, with the same namespaces (mount, pid, ipc, uts, cgroup, network with loopback), the same binds, a new
//     /proc and /tmp, and the same seccomp filter to the byte. Ours has in addition Landlock, a control group with
//     limits, a user of its own and the reading back of what was given up. Nothing was made ahead.
//   - exec_vs_bwrap: `supervisor exec` with policies/examples/locked.yaml against bwrap in the same way, running /bin/true, with the same
//     filter. This is the repeated use: the plan was kept by the first of the runs and is checked against the host every time.
//     exec_cold_vs_bwrap is the first use: the policy is compiled every time (--no-plan-cache). Both again with _rootless at the end as an
//     ordinary user.
//   - check_ms: `supervisor policy check` of a policy of 200 lines, the whole process.
//   - compile_ms: the compiling of the policy of the launches in a confined process, as the supervisor does it, and
//     sandbox_compile_ms in this process.
//   - compile_100_ms: the same for a policy of 100 modules, 99 of which extend one profile, each with a dynamic user: what a reload waits
//     for before it changes anything. compile_100_vs_2 is against a policy of two.
//   - seccomp_emitter_vs_libseccomp: a process that loads the filter of our own emitter and ends, against libseccomp's.
//
// With -suite policy it measures filters, on every policy of the repository that is valid, as it is written and on each architecture where it means
// something, and on Docker's default profile:
//
//   - docker_x86_64_insns, docker_3arch_insns, system_service_insns: instructions of our filter.
//   - never_larger_than_libseccomp: filters that are larger than libseccomp's, linear or tree. filters_compared_with_libseccomp counts the
//     comparisons; what libseccomp cannot say is not among them.
//   - compile_ms_p99: from a section to a filter that is proved; proof_ms_p99: the proof of both programs and that they are equal. The percentile is
//     over the filters, of each the median of its rounds. libseccomp_compile_ms_p99 is the same for libseccomp.
//   - planted_total, planted_found: mistakes of package planted, at every place of every filter.
//   - simulate_2000_ms: a trace of 2,000 lines through a policy, with the report.
//   - load_vs_libseccomp_tree: seccomp(2) alone with our program against libseccomp's tree, each time in a new process; for Docker's default
//     profile, and with _system_service for that group. load_vs_libseccomp_linear is against one test after the other.
//   - call_…_ns: what a call takes in all, under our filter, libseccomp's tree and linear, and none: allowed and tested first or in the middle
//     by the linear program, allowed by its argument, denied. An allowed call without a condition is one that the kernel remembers.
//
// With -suite peers it compares with more tools, and counts what is needed besides time:
//
//   - first_spawn_vs_bwrap and steady_spawn_vs_bwrap: as launch_vs_bwrap, but from the request until the end of the process was seen, as it is
//     measured for the tools; what is left of an instance is removed when the clock has stopped, as the supervisor does it in the background and the
//     kernel for a tool. The filter allows 300 calls and more. First is a launch for which nothing was made, by
//     a thread that has launched before, and does nothing else. Steady is one of which the
//     control group and the sandbox (namespaces, mounts, Landlock ruleset, the init that holds them) were made before the clock ran, as the supervisor
//     makes them after a launch of the same module; it includes the check that they are still what a new one would be.
//   - whole_spawn_vs_bwrap: all of that, making and removing included. What a launch costs, whoever waits for it.
//   - bare_vs_bwrap: vfork and exec alone. crun_vs_bwrap, runc_vs_bwrap, firejail_vs_bwrap: these tools, with the same binds, namespaces and (but for
//     firejail, which has a list of its own) calls.
//   - growth_10000: the median of the last thousand of 10,000 launches against the first thousand.
//   - rss_1000_mib: the resident memory of the spawner, the manager and all inits with 1,000 instances of sleep; pss_1000_mib is the proportional one.
//   - left_behind: processes, mounts, descriptors and control groups that were not there before all that.
//
// A figure that misses its goal is followed by a line `missed:`; the exit status is 0 all the same. It is 1 when something could
// not be measured because it does not work.
//
// # Limits
//
// The launches need root. As an ordinary user the rest is measured. The program has to be linked statically, as the
// supervisor is: it starts itself again in a sandbox without libraries.
//
//posixvet:exempt measures, when somebody asks for it
package main
