// Package vm runs tests in a virtual machine with Debian 12's kernel, because a kernel cannot be had otherwise: control groups of version 2 with
// all of their controllers, Landlock of version 2, and nobody else on the machine. `make vm-test` does it.
//
//	make vm-test                             # what depends on the kernel and all attacks, as root and as an ordinary user; closes with the counts
//	make vm-test BRIEF=1                     # what CI does of it: limits of control groups, hosts that lack something, all attacks
//	tests/vm/boot bin/supervisor doctor      # any static program; BULKHEAD_VM_USER=games for the ordinary user
//	go test -exec "$PWD/tests/vm/boot" -tags 'netgo osusergo' -ldflags '-linkmode external -extldflags -static' ./sandbox/cgroup
//
// The file packages names what the machine is made of, with versions and sums; fetch has apt-get download that and unpacks it into
// .cache/vm, and nothing is installed. boot makes an initial file system of it, of a copy of the tree in /bulkhead, of the supervisor
// in bin/ (or BULKHEAD_BIN) and of the program to run, and starts qemu-system-x86_64. init is what the kernel starts there. run starts two
// machines, one for root and one for the user, and jobs is what each of them does.
//
// Without root, the program runs as that user in the group /delegated/program of control groups, and the group above is the user's: as
// systemd has it for Delegate=yes.
//
// There is a disk, /dev/vda (virtio, 256 MiB, of this machine alone), with a file system that everybody may write to in /disk, which is what
// BULKHEAD_DISK says. Limits on input and output need a device, which a file system in memory is not.
//
// # Limits
//
// The processor is emulated (TCG), since a machine that tests are run on need not have KVM, or one that works: it takes about four seconds
// to start a machine and to stop it, and a test with a time to keep may not keep it. There is one processor, no network but the
// loopback, no systemd, no nginx and no Redis.
package vm
