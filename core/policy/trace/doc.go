// Package trace reads what strace(1) prints, and tells what a filter would have answered.
//
//	arch := call.On(seccomp.Native())
//	for line, problem := range trace.Read(file, arch) { … }
//	report := trace.Simulate(trace.Read(file, arch), decision, arch)
//	report.Render(os.Stdout, trace.Names{Trace: "web.strace", Policy: "web.yaml, module web"})
//
// It reads the plain output and that of -f (with "[pid 12]" or "12" in front), -t, -tt, -ttt, -r, -T, -i, -n, -y, -yy, -k, -X raw,
// -X verbose, -C and -e raw=…, with calls in two pieces (<unfinished ...>, <... read resumed>), signals, exits, and a last line that
// was cut off. What is none of that, and a call that the architecture does not have, is a [Problem] with its line and
// column: a trace that could not be read is not one that is allowed.
//
// strace does not show registers, but what they mean. Where it shows a structure, leaves an argument out or prints a macro, the
// argument is not known; of a mode, and of some arguments that the kernel takes as long, it shows the lower bits only. [Simulate] asks for the answers of all values: Allowed is said only of what is allowed for each of
// them. That needs an [Exact] decider; of any other one every call with an argument that is not known is one that may be denied.
//
// The first call of a trace is most often the execve with which strace started the program. The supervisor does that itself, once,
// whatever the policy says; it is counted as [Launch].
//
// # Limits
//
// Without -o strace and the program write to the same terminal; what the program wrote is then among the problems. Use -o.
//
// A trace has the calls that were made, not those that may be. It is read as one of an architecture with 64 bits; after strace says that a
// process runs in another mode, the lines of that process are problems. On 32 bits strace names the parts of socketcall(2) and ipc(2),
// not the calls: traces of such architectures are refused.
//
// A line may be 1 MiB long, and at most 65,536 processes may be in a call at once.
package trace
