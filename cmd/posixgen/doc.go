// Command posixgen generates what follows from the interface in package posix.
//
// It reads the narrow interfaces that make up posix.Core, with the directives on
// each method, and writes files named zz_generated_*.go, and a table for readers:
//
//	posix           the Op constants and their table; the Unimplemented base
//	posix/internal/trial  for tests, an implementation whose calls succeed, and the types of predicates
//	posix/errs      the methods of the decorator that makes *posix.Error
//	posix/log       the methods of the decorator that logs
//	posix/metrics   the methods of the decorator that counts
//	posix/restrict  the methods of the decorator that denies, and the rules that it goes by
//	posix/retry     the methods of the decorator that repeats
//	posix/fault     the methods of the decorator that fails
//	posix/stack     the methods of the layers together
//	posix/record    the methods of the decorator that records, and of what answers from a recording
//	../docs/posix-methods.md  the table of all methods, for readers
//
// Run it with
//
//	go generate ./posix/...
//
// The output depends on the sources only, so it regenerates to the same bytes;
// posixgen -check fails when a file on disk differs from what would be written.
//
// It writes nothing while a method has fewer than three cases in tests/conformance, which stands beside the directory of package posix.
//
// # Directives
//
// The comment of every method must have, at its end,
//
//	//posix:calls NAME…           the system calls that the method makes
//	//posix:retry POLICY REASON   retry, never or caller, and why, in the rest of the line
//
// and say of each parameter that is a pointer or a slice what the call does with the memory there:
//
//	//posix:reads NAME…     it reads it
//	//posix:fills NAME…     it writes it, and what was there before does not matter
//	//posix:updates NAME…   it reads it and then writes it
//	//posix:maps NAME…      it is about the memory's place, not about what is in it
//
// A method without them, with another word, without a reason, or with a signature that the
// generator does not understand is refused with its file and line.
//
// # Signatures
//
// Understood are parameters with names whose types are basic types, types of
// package posix, and pointers to and slices of those; and any number of such
// results, of which the last may be error. Variadic parameters, functions, channels,
// maps, interfaces, booleans as parameters and types of other packages are refused.
//
// # Limits
//
// The source is parsed, not type checked, so that files can be generated again
// when the ones on disk do not compile. An undefined type of package posix is
// found, other mistakes are left to the compiler.
//
//posixvet:exempt a generator, which runs when somebody builds this
package main
