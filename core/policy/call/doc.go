// Package call reads and prints system calls as people write them.
//
// [Parse] turns a text into what a seccomp filter sees of the call:
//
//	c, err := call.Parse("socket(AF_PACKET, SOCK_RAW, 0)", call.On(seccomp.Native()))
//	answer := decision.Want(c.Data)
//
// An argument is a number (decimal, octal with 0, hexadecimal with 0x, negative), a constant by its name, an expression of
// both with C's | & ^ + - * << >> ~ and parentheses, NULL, or something that a filter cannot read: a string, a structure
// {flags=CLONE_NEWUSER}, an array [1, 2]. One of _ … ... ? stands for any value. Arguments go by their place or, as
// name=value, by the kernel's name for them. Those that are left out may have any value, too.
//
// [Describe] goes the other way, with the names of the kernel's prototype and the well-known constants:
//
//	socket(family=AF_ALG, type=SOCK_STREAM, protocol=0)
//
// # What is in the registers
//
// A filter reads registers of 64 bits; a C program passes types. A compiler that passes an int, signed or not, writes the lower
// half of the register, and that clears the upper half on x86-64 and on arm64: so Data has -1 as 0x00000000ffffffff for an
// int, and as 0xffffffffffffffff for a long. The calling conventions promise nothing about the upper half (System V
// ABI for AMD64, 3.2.3; AAPCS64, 6.8.2), the kernel does not look at it (SYSCALL_DEFINE casts), and a hostile caller writes what
// it likes there. Therefore Known has only the lower half of such an argument: who answers for the call has to answer for
// all upper halves, and a rule that compares an int in 64 bits is found out.
//
// # Limits
//
// Of structures, strings and arrays only the address counts, and that is any. A call of which the tables have no prototype is
// read with at most six arguments of unknown width. Describe decodes what calls commonly take, not the whole of ioctl.
package call
