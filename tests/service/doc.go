// Command service is a small web service as a user of the supervisor would write it, with the field's own libraries and nothing
// of ours: it takes its sockets with go-systemd's activation package and speaks to its supervisor with go-systemd's daemon
// package. So it shows that Bulkhead speaks those protocols, and it is what reloads under load are tested with.
//
//	service [-ready now|never|DURATION] [-goodbye DURATION] [-drain DURATION] [-before DEED]… [-after DEED]…
//
// Every answer has the headers X-Pid (its process, which in a pid namespace is a small number that comes again), X-Instance (random,
// another one for each process) and X-Version (the environment variable SERVICE_VERSION).
//
//	POST /echo             the body, which may have a mebibyte
//	GET  /pid              the process
//	GET  /instance         the random name
//	GET  /version          SERVICE_VERSION
//	GET  /healthz          ok
//	GET  /slow?for=200ms   ok, after that time
//	GET  /sockets          what was inherited: name, network, address and inode of each socket, JSON
//	POST /misbehave        does the deed that is the body, and says what came of it
//
// A datagram socket answers each datagram with "INSTANCE BODY".
//
// On SIGTERM or SIGINT it says STOPPING=1 and ends without failing a request: for the time -goodbye it goes on accepting and tells every
// client to close its connection, then it accepts no more and waits, for the time -drain, for those who have not been told
// because they asked nothing.
//
// # Deeds
//
// Those of -before are done before it is ready, those of -after just after it said so, all in their order.
//
//	exit=STATUS            ends at once
//	ignore-term            takes no notice of SIGTERM and SIGINT from now on
//	hang                   answers nothing, notices no signal and feeds no watchdog from now on
//	flood=LINES            writes so many lines, "flood 1 of LINES" and on
//	daemonize              leaves a grandchild that has every descriptor, a session of its own and no ear for SIGTERM
//	shutdown-listener      shutdown(2) of descriptor 3, which ends listening for all who hold that socket
//	disconnect-listener    connect(2) of descriptor 3 to no address at all, which does the same to a TCP socket
//	notify=TEXT            sends that text to its supervisor
//	stray-notify=TEXT      has a child process send it, so that it comes from the wrong sender
//
// # Limits
//
// An idle client that asks in the very moment in which -drain is over has its connection closed, as HTTP/1.1 has no other way to be rid of it.
// Children are made by a bare clone(2) without exec, so that a policy that denies exec can be tested with them; they make
// raw system calls only.
//
//posixvet:exempt a part of tests: it stands for programs that know nothing of posix.Core
package main
