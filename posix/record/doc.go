// Package record decorates a posix.Core so that its calls are written down, and answers calls from what was written.
//
//	core, err := record.New(linux.New(), file)
//	… // the program runs with core
//	err = core.Finish()
//
//	replay, err := record.Replay(file)
//	… // the same program runs with replay, without a kernel
//	err = replay.Done()
//
// So what a program met once, on a machine that is hard to come by, is met again in a test, and a fault that was seen once is seen as
// often as one likes.
//
// # Format
//
// A recording is lines of JSON. The first has the version of the format, the platform and a digest of the operations; then comes a line for each call;
// the last one has their number:
//
//	{"recording":"posix","version":1,"platform":"linux/amd64","operations":"8d1f…","crc":"…"}
//	{"n":1,"op":"read","args":{"fd":3,"p":4096},"results":{"result":5,"p":"aGVsbG8="},"crc":"…"}
//	{"n":2,"op":"close","args":{"fd":3},"results":{},"errno":5,"crc":"…"}
//	{"end":2,"crc":"…"}
//
// Of memory that a call reads the contents are an argument; of memory that it fills the length is one, and what was filled in is a result, also
// of a call that failed. Numbers are decimal, bytes are base64, structs are objects with the names of their Go fields, and a
// string that is not UTF-8 is an object with its bytes. Buffers are recorded whole. A call that does not fit into [MaxLine] ends the recording,
// which is refused then: a part of a buffer could not be replayed.
//
// The checksum of a line is the CRC-32C of everything before it in the file, checksums left out. Each value has one way to be written. So a recording
// that was cut, changed in any byte, put into another order, or made by another version is refused, with the line and the column. The
// checksum is against accidents; it is no signature.
//
// # Replay
//
// The n-th call must be the n-th that was recorded, with the same arguments; else it is a [Divergence], which [Replayer.Err] keeps. That
// call and all later ones fail with EPROTO, and those without an error (Getpid, …) panic with the Divergence. There is no way to go on: what
// was recorded does not follow from what was called.
//
// A program that makes its calls one after the other, and does the same things for the same answers, is replayed exactly. It must take
// time, randomness and everything else from its posix.Core, too.
//
// # Concurrency
//
// Both may be used by several goroutines. The order of a recording is that in which calls ended. It is replayed in that order, so a program whose
// goroutines call in an order that changes from run to run diverges, and so does one in which a call blocked while others came and
// went: to the replay it would have to begin after them.
//
// # Errors
//
// An errno is replayed as it was. Another error from below becomes one with the same text and nothing else.
//
// # Limits
//
// A recording has everything that the program read and wrote, secrets included: it is as secret as they are.
//
// Only what goes through the Core is recorded: not what other processes put into shared memory, and not what the steps of a program for Clone3
// do. The program and its memory are recorded as arguments, and the memory again as what it was afterwards.
//
// Mmap is recorded as the length of the memory. Anonymous memory is replayed as Go's memory, zeros, which need not begin at a page; a mapping of a
// file cannot be replayed. Munmap and Mprotect are compared by the length. The addresses that Madvise is given are compared as numbers.
//
// Calls that do not return, as Execve when it succeeds, are not in a recording, and what they end has no last line.
package record
