// Command seccompgen writes the tables of package sandbox/seccomp: the number,
// the prototype and the first kernel of every system call of each architecture,
// the constants that arguments have, and systemd's groups of calls.
//
//	seccompgen                  write the tables
//	seccompgen -check           write nothing; status 1 when a table is not what would be written
//	seccompgen -refresh-groups  first take groups.txt anew from this machine's systemd-analyze
//	seccompgen -distill         first take inputs anew from packages of Debian
//
// The numbers are the SYS_ constants of the version of golang.org/x/sys that
// go.mod pins, and so are the constants that the kernel's headers for programs
// lack. The groups come from groups.txt, which names the systemd that printed it.
// Everything else comes from inputs, each of which names the packages it was
// distilled from, or is written by hand and cites the kernel's source:
//
//	x32.txt, arm.txt            numbers that golang.org/x/sys lacks
//	entries.txt                 which function of the kernel a call enters, by architecture
//	prototypes.txt              the parameters of these functions
//	since.txt                   first kernels, from syscalls(2)
//	constants.txt               constants, as gcc computes them from each architecture's headers
//	byhand.txt, *-byhand.txt    what none of them says; stands above them
//
// All are committed, so the tables depend on nothing but committed text and
// go.sum: the same checkout gives the same bytes on every machine, without a network.
// A call without a prototype or a first kernel stops the generator.
//
// -distill needs apt-get, dpkg-deb, gcc for x86-64 and the packages that are named in
// distill.go; no other use of the command does.
//
// It is run from the directory of package sandbox/seccomp, as go generate does.
//
//posixvet:exempt a generator, which runs when somebody builds this
package main
