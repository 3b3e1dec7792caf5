// Package hangfs makes a file system that stops answering.
//
// It is a FUSE server, for a few files that can be read: as real to the kernel as a file server whose machine has gone. Requests that a test
// chooses are kept without an answer, until the test lets them go on or the server dies. A process that waits for one cannot be killed, as the
// server has seen the request.
//
// The server is a process of its own, the test binary executed again: one that waited for its own answer would wait for ever. So TestMain begins with
//
//	hangfs.Serve()
//
// # Limits
//
// It needs CAP_SYS_ADMIN and /dev/fuse. The files cannot be written to.
//
//posixvet:exempt it is a part of tests
package hangfs
