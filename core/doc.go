// Package core is the manager: the unprivileged process that decides what a supervisor does, while the spawner carries it out.
//
//	r, err := core.New(core.Config{Kernel: kernel, Channel: 0, Stdout: 1, Stderr: 2, …})
//	err = r.Run()                     // until the spawner closes the channel
//
// [Runtime] is what lives as long as the process, [Generation] what belongs to one configuration; there is no third context and no global.
// The parts are packages of their own:
//
//	core/machine   decides: events in, operations out
//	core/link      the channel to the spawner
//	core/logs      the output of modules
//	core/notify    what modules say of themselves
//	core/probe     whether they answer
//	core/event     the events of it all
//	core/control   the control API, which shows a Runtime and commands it
//	core/poll      one goroutine that waits for many descriptors
//	core/future    results that are not there yet
//
// # Goroutines
//
// One goroutine owns the machine and never waits for anything but its next event. The goroutine of Run receives from the spawner; one reads
// and writes the output of modules, and may be held up by who reads the log; one has the notification sockets and the probes; one
// writes the supervisor's own messages. A log that nobody reads holds modules up when they write, and nothing else.
//
// # Limits
//
// A manager that is killed loses its events, the memory of the last lines and the commands that were being carried out, and nothing of what runs: its
// successor finds that in a snapshot. So a manager that cannot wait for descriptors any more ends, too.
// When the channel breaks, the manager ends, and with it who follows events or lines.
package core
