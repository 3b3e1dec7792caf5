// Package derive finds the system calls that follow from a Go program which uses package posix: the allow-list of its seccomp filter.
//
//	p, err := derive.Load("./cmd/server", derive.Options{Tags: []string{"netgo", "osusergo"}})
//	report, err := p.Analyze(nil)
//	err = report.WriteTable(os.Stdout)
//	list, err := report.Allow(derive.Reachable)
//
// On the command line this is
//
//	supervisor policy derive ./cmd/server
//	supervisor policy derive -o yaml --recording server.jsonl ./cmd/server
//
// # Three columns
//
// Declared is what the program says by its types: the operations of every interface that one of its functions takes or calls. A
// program that takes posix.Files instead of posix.Core declares a fifth of the calls. Reachable is what anything that can run
// calls: from main and every init, or, of a library, from everything that is exported. Observed is what a recording of a run has
// (package posix/record).
//
// Declared contains reachable, and reachable contains observed. What is in the difference could be dropped: a declared call that nothing reaches by
// taking a narrower interface; a reachable call that was not observed when the recording has all that the program is for. A recording with a
// call that cannot be reached is of another program, and is refused.
//
// # What is made besides
//
// The Go runtime makes calls of its own, whatever the program does: [Baseline]. Tests run programs that use nothing but the
// runtime under exactly this list, and find that they die when one call is taken away.
//
// Packages that know nothing of posix.Core make calls as well: package os looks at the standard streams before main begins, net/http reads
// and writes. These are found where they enter the kernel, by following the number of the call back to constants, through everything that can run.
//
// An allow-list is the three together: what is declared, reachable or observed of posix.Core, the runtime, libraries.
//
// # How it is found
//
// The program and all that it imports is loaded from source. Which function a call of a value or of an interface's method enters is
// decided by which types can flow there (variable type analysis). A function given to one that only calls it is taken to be called by the
// one that gives it. Which system calls an operation makes, its directive in package posix says.
//
// # Limits
//
// What is reachable is more than what ever happens: a call is found when some type could flow there, in whatever order. What cannot
// be seen:
//
//   - Methods called by reflect, functions in unsafe pointers, and plug-ins.
//   - C code, which is reported when it is called from Go, and assembly of packages outside of the standard library. What happens
//     in the programs of Clone3 is not the program's own.
//   - Calls whose number is not a constant. They are reported.
//   - Functions that the runtime calls later, other than those given to it directly, as to runtime.SetFinalizer or time.AfterFunc.
//   - Arguments. An allow-list is of calls.
//
// So run the program under the list with the action log before it kills anybody. A CPU profile needs more: setitimer, timer_create,
// timer_settime and timer_delete. So does a program that is linked dynamically or uses cgo: its loader and its C library are not in the
// baseline. The baseline of arm64 is read from the sources of the runtime; that of amd64 was tested as well.
//
// Observed is about posix.Core only; nobody records what the runtime and libraries do.
package derive
