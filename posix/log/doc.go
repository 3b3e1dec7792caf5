// Package log decorates a posix.Core so that its calls appear in a log/slog log.
//
//	core := log.New(linux.New(), slog.Default())
//
// Every call is one record at [Level] with the message "posix call" and, in
// this order, the attributes op, the arguments, the results (only when the
// call succeeded) or errno (the symbolic name, when it failed), and duration:
//
//	msg="posix call" op=openat2 dir=-100 path=/etc/x how_flags=524288 … errno=ENOENT duration=3µs
//
// Numbers, strings and addresses are shown, of buffers and other slices the
// length, of structs that are passed by value each field. Fields of structs
// that are passed by pointer are not.
//
// When the logger's handler is not enabled for the level, a call costs the question and allocates nothing. [NewLeveled] makes a layer that looks at
// the level itself first.
//
// # Limits
//
// Contents of buffers never appear, but paths, names and values of mount parameters do.
//
// The handler must not make its calls through the Core that it logs: that would not end.
package log
