package disasm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// Options are what is known besides the program. The zero value is right for a filter of which nothing is known.
type Options struct {
	// Rules returns the lines of a policy that name a call; nil when there is no policy.
	Rules func(call string) []policy.Pos
	// Prototype returns what a call takes on an architecture; nil when that is not known.
	Prototype func(a seccomp.Arch, call string) (policy.Prototype, bool)
}

// Rules returns where a policy names a call, in allow or in deny, itself or through a group.
func Rules(s policy.Seccomp) func(call string) []policy.Pos {
	at := map[string][]policy.Pos{}
	for _, c := range slices.Concat(s.Allow, s.Deny) {
		at[c.Name] = append(at[c.Name], c.Pos)
	}
	return func(call string) []policy.Pos { return at[call] }
}

// Text returns one line for each instruction: its number, the instruction in the notation of the kernel's bpf_asm, and what it is
// about. The program need not be one that the kernel takes.
func Text(p bpf.Program, o Options) string {
	from, states := sources(p), follow(p)
	var b strings.Builder
	for i, l := range strings.Split(strings.TrimSuffix(p.Disassemble(), "\n"), "\n") {
		if i >= len(p) {
			break
		}
		code, about, _ := strings.Cut(l, " ; ")
		if more := o.about(p[i], states[i]); more != "" {
			about = more
		}
		if len(from[i]) > 0 {
			about = strings.TrimPrefix(about+"; from "+list(from[i]), "; ")
		}
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-44s %s", strings.TrimRight(code, " "), prefixed(about)), " ") + "\n")
	}
	return b.String()
}

func prefixed(about string) string {
	if about == "" {
		return ""
	}
	return "; " + about
}

// list shows the first few of some numbers.
func list(numbers []int) string {
	const shown = 4
	parts := make([]string, 0, shown)
	for _, n := range numbers[:min(shown, len(numbers))] {
		parts = append(parts, fmt.Sprint(n))
	}
	if more := len(numbers) - shown; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(parts, ", ")
}

// about says what an instruction is about in the state that it is reached in; "" when that is what the instruction says by itself.
func (o Options) about(in bpf.Instruction, s *state) string {
	switch {
	case s == nil:
		return "never reached"
	case in.Code == bpf.RET|bpf.K:
		return answer(in.K)
	case in.Code == bpf.LD|bpf.W|bpf.ABS && in.K >= 16:
		return o.argument(in.K, s)
	case in.Code&7 != bpf.JMP || in.Code&bpf.X != 0 || in.Code == bpf.JMP|bpf.JA:
		return ""
	case s.loaded == arch:
		return architectures(in.K)
	case s.loaded == number && in.Code&^7 == bpf.JSET:
		return ""
	case s.loaded == number:
		return o.call(s, in.K)
	case s.loaded == argument && s.mask != ^uint32(0):
		return fmt.Sprintf("of argument %d, %#x", s.index, s.mask)
	}
	return ""
}

// answer names an answer, an error by its name.
func answer(k uint32) string {
	if bpf.Action(k) != bpf.RetErrno {
		return bpf.Describe(k)
	}
	return policy.Action{Kind: policy.ActionErrno, Errno: bpf.Value(k)}.String()
}

// architectures names the architectures that have a value; x86_64 and x32 have the same one.
func architectures(audit uint32) string {
	var names []string
	for _, a := range seccomp.Arches() {
		if a.Audit() == audit {
			names = append(names, a.Name())
		}
	}
	return strings.Join(names, " or ")
}

// argument names an argument by the call's prototype.
func (o Options) argument(offset uint32, s *state) string {
	i, half := (offset-16)/8, "low half"
	if offset == bpf.OffsetArgHigh(int(i)) {
		half = "high half"
	}
	text := fmt.Sprintf("argument %d, %s", i, half)
	a, call := s.called()
	if call == "" {
		return text
	}
	if o.Prototype != nil {
		if p, known := o.Prototype(a, call); known && int(i) < len(p.Params) {
			return fmt.Sprintf("%s of %s, %s", p.Params[i].Name, call, half)
		}
	}
	return text + " of " + call
}

// call names the call of a number and the lines of the policy that name it.
func (o Options) call(s *state, nr uint32) string {
	a, name := s.name(nr)
	if name == "" {
		return ""
	}
	text := name
	if a != seccomp.Native() {
		text += " of " + a.Name()
	}
	if o.Rules == nil {
		return text
	}
	var lines []string
	for _, pos := range o.Rules(name) {
		if line := fmt.Sprintf("%s:%d", pos.File, pos.Line); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	if len(lines) > 0 {
		text += ", " + strings.Join(lines, " ")
	}
	return text
}
