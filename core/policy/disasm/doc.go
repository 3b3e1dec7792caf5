// Package disasm writes a seccomp filter as instructions with what they are about: where jumps come from, which calls the numbers are,
// what the arguments are called, what is answered, and which line of a policy a call is from.
//
//	text := disasm.Text(program, disasm.Options{Rules: disasm.Rules(module.Seccomp)})
//
// A number is named by the architecture that must have been found on every way to the instruction; where the ways disagree, or none
// tested it, numbers stay numbers.
//
// # Limits
//
// What a filter computes with (shifts, its scratch memory) is shown and not followed. A call is given the lines that name it, which need not
// be the reason for one instruction: filters share what is alike.
package disasm
