// Package bpf evaluates seccomp programs in plain Go.
//
// A seccomp filter is a program of the classic Berkeley packet filter that
// reads the number, the architecture and the arguments of a system call and
// returns what the kernel does with the call. [Decode] turns the bytes that
// the kernel takes into a [Program] and refuses what the kernel refuses;
// [Program.Run] answers what the kernel would answer, without a kernel:
//
//	program, err := bpf.Decode(bytes)
//	…
//	answer := program.Run(bpf.Data{Nr: 59, Arch: 0xc000003e})
//	if bpf.Action(answer) == bpf.RetErrno {
//		errno := bpf.Value(answer)
//	}
//
// [Program.Disassemble] prints a program for people. Sources: seccomp(2), and
// net/core/filter.c and kernel/seccomp.c of the kernel.
//
// # Limits
//
// A process may have several filters; the kernel runs them all and takes the
// most restrictive answer. Run evaluates one.
//
// Bytes are in the order of the machine that runs this package, as the kernel
// expects them: a program that was saved on a machine of the other order is
// refused or, in unlucky cases, another program.
package bpf
