// Package logs reads what modules write to their standard output and error, and passes it on line by line: to the supervisor's own
// streams, and to a memory of the last lines which `supervisor logs` reads.
//
//	c, err := logs.New(kernel, logs.Options{Writer: w, Ring: ring, Drained: …})
//	go c.Run()
//	c.Attach(source, stdout, stderr)
//	c.Ended(instance)                  // Drained is called once everything that it wrote has been passed on
//
// # Nothing is lost
//
// The manager may be killed at any moment, and its successor is given the same pipes. So a line leaves its pipe only after it was
// written: tee(2) copies what waits in the pipe, complete lines of the copy are written to the log, and then exactly their bytes are read
// from the pipe. One that is killed in between leaves lines that are written a second time, never one that is missing. A line that has not
// ended stays in the pipe. Since the last line of a predecessor may have been cut in the middle, a successor begins with an end of line.
//
// # One thread, and fair
//
// One epoll loop reads all pipes. A pipe gets one turn, of at most 64 KiB, before the next one gets its.
//
// A line of more than 16 KiB is broken. So is one that fills its pipe without an end, which is looked at after a second: a module can
// make its pipe small, or fill it with tiny pieces.
//
// # When the log cannot be written
//
// A full disk and a reader that is gone cost lines, which are counted and reported; modules are not held up. A reader that is there and
// does not read (a stopped terminal, a full pipe) holds modules up, as it would without a supervisor: nothing but time is lost, pipes fill, and
// a module that writes blocks. Everything else goes on: [Queue] keeps the supervisor's own messages from blocking, and drops them, counted,
// when there are too many.
//
// # Limits
//
// The memory of the last lines is bounded ([RingBytes] for all modules together, [moduleBytes] for one at most), lives in the manager, and is empty
// when the manager was started again. It has no line that is longer than the share of its module.
package logs
