// Package machine decides what a supervisor does.
//
// A [Machine] takes events and returns operations: [Machine.Step] is the whole interface to it, besides [Machine.Deadline], which says when
// it wants to be told the time, and [Machine.Status]. It has one owner, and no goroutine, clock or source of randomness of its own, and it ranges
// over no map, so the same events lead to the same operations. Whatever carries the operations out tells what came of them by events again.
//
//	ops := m.Step(machine.Hello{Now: now, Snapshot: snapshot})
//	for _, op := range ops {
//		switch op := op.(type) {
//		case machine.Send: // to the spawner; the answer comes back as a Replied
//		case machine.Probe, machine.StopProbe:
//		case machine.Emit: // log it, keep it, pass it on
//		case machine.Resolve: // answer who asked
//		}
//	}
//
// # Instances
//
// A module has a slot for each of its replicas. In a slot there is one instance that serves, while it is replaced another one that comes
// in, and those that leave. The states of an instance are a table, [Table], which docs/states.md shows; what an end leads to is decided
// by the restart policy before the table is asked (verdict.go).
//
// # Jobs
//
// What takes longer than a step is a job: bringing everything up, `stop`, `start`, `restart`, a reload. Jobs about different modules run at the same
// time; bringing up and reloading are alone, and the rest waits for them in order. Stopping the supervisor ends them all.
//
// A reload prepares, plans (package plan), listens, starts what comes first, swaps what goes first, commits and drains. Everything before the commit
// is undone when something goes wrong.
//
// # The end of a manager
//
// A manager can be killed between any two operations. What the next one must know and cannot see is written down by a Remember
// before it is acted on: restarts and back-off, what was stopped or held, which instances were told to leave, which are ready. The rest follows from the
// [wire.Snapshot]: see hello.go.
//
// # How long a reload takes
//
// Every stage ends, and with it the reload: applied, or undone with a reason.
//
//   - Reading and compiling: the spawner answers within 10 s each. When it does not answer at all, the link ends the manager after 15 s.
//   - A launch: the spawner opens what it needs within 10 s. The rest is system calls on descriptors.
//   - Getting ready: `start_period` of the healthcheck, or a quarter of a second without one. Then it is killed, and the reload undone.
//   - Leaving, on the way forward and when it is undone: `stop_grace_period`, then SIGKILL. What has not ended 10 s after that may never do: it waits
//     in the kernel. Nothing waits for it any more, and it is told of in the result. A module of which two must not run at the same time is undone
//     then, and started again when it has ended.
//   - Listening, commit and discarding: the spawner answers at once.
//
// # Limits
//
// A process that SIGKILL does not end keeps the whole supervisor from ending, and the sockets that a discarded generation brought open until
// the next reload.
//
// A command that waits when its manager ends is not answered, and a reload that was under way is undone and not repeated. A READY=1 that was
// received and not yet remembered when the manager was killed is lost: the instance then counts as ready when its start time is over, instead of being
// killed. Of the starts that count for the start limit the latest hundred survive a manager.
package machine
