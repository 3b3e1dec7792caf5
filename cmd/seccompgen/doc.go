// Command seccompgen writes the tables of package sandbox/seccomp: the number
// of every system call of each architecture, and systemd's groups of them.
//
//	seccompgen                  write the tables
//	seccompgen -check           write nothing; status 1 when a table is not what would be written
//	seccompgen -refresh-groups  first take groups.txt anew from this machine's systemd-analyze
//
// The numbers are the SYS_ constants of the version of golang.org/x/sys that
// go.mod pins; x32's, which it lacks, and ARM's private ones are in inputs,
// taken from the kernel's headers. The groups come from groups.txt, which is committed and names
// the systemd that printed it, so the tables depend on nothing but committed
// text and go.sum: the same checkout gives the same bytes on every machine.
//
// It is run from the directory of package sandbox/seccomp, as go generate does.
//
//posixvet:exempt a generator, which runs when somebody builds this
package main
