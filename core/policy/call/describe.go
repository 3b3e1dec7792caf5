package call

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Describe prints what a filter sees of a call, with the names that the kernel has for the arguments and the constants that are
// commonly passed: "socket(family=AF_ALG, type=SOCK_STREAM, protocol=0)". Where the upper half of an int's register is not what a
// compiler leaves there, a comment shows the register. [Parse] reads the text again.
func Describe(d bpf.Data, arch Arch) string { return describe(d, arch, nil) }

// DescribeKnown prints a call of which only some bits are known: an argument without a known bit in the type's width is "_".
func DescribeKnown(d bpf.Data, known [6]uint64, arch Arch) string { return describe(d, arch, &known) }

func describe(d bpf.Data, arch Arch, known *[6]uint64) string {
	name := arch.CallName(d.Nr)
	var b strings.Builder
	if d.Arch != arch.Audit() || name == "" {
		if b.WriteString("syscall_" + strconv.FormatUint(uint64(d.Nr), 10)); d.Nr > 0xffff {
			b.Reset()
			fmt.Fprintf(&b, "syscall_%#x", d.Nr)
		}
		b.WriteByte('(')
		for i, v := range d.Args {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(masked(known, i, policy.Param{Width: 64}, hex(v)))
		}
		b.WriteByte(')')
		if d.Arch != arch.Audit() {
			fmt.Fprintf(&b, " of architecture %#x", d.Arch)
		}
		return b.String()
	}
	prototype, has := arch.Prototype(name)
	if !has {
		for range d.Args {
			prototype.Params = append(prototype.Params, policy.Param{Width: 64})
		}
	}
	b.WriteString(name + "(")
	for i, p := range prototype.Params[:min(len(prototype.Params), len(d.Args))] {
		if i > 0 {
			b.WriteString(", ")
		}
		if p.Name != "" {
			b.WriteString(p.Name + "=")
		}
		b.WriteString(masked(known, i, p, decode(name, i, p, d.Args[i], arch)))
	}
	b.WriteByte(')')
	return b.String()
}

// masked is text, or "_" where nothing is known that the kernel looks at.
func masked(known *[6]uint64, i int, p policy.Param, text string) string {
	if known != nil && (known[i] == 0 || p.Width == 32 && uint32(known[i]) == 0) {
		return "_"
	}
	return text
}

func decode(name string, i int, p policy.Param, register uint64, arch Arch) string {
	value := register
	if p.Width == 32 {
		value = uint64(uint32(register))
	}
	text := ""
	if of := meanings()[name]; i < len(of) && of[i] != nil {
		text = of[i].text(value, p, arch)
	}
	if text == "" {
		text = plain(value, p)
	}
	if p.Width == 32 && register != value {
		text += fmt.Sprintf(" /* register %#x */", register)
	}
	return text
}

// plain prints a number as its type has it.
func plain(value uint64, p policy.Param) string {
	signed := int64(value)
	if p.Width == 32 {
		signed = int64(int32(value))
	}
	switch {
	case p.Pointer && value == 0:
		return "NULL"
	case p.Pointer:
		return hex(value)
	case p.Signed && signed < 0 && signed > -1<<20:
		return strconv.FormatInt(signed, 10)
	default:
		return hex(value)
	}
}

// hex prints small numbers in decimal.
func hex(value uint64) string {
	if value < 1<<16 {
		return strconv.FormatUint(value, 10)
	}
	return "0x" + strconv.FormatUint(value, 16)
}

// Answer names a filter's answer as a policy does: "allow", "errno EPERM", "kill_process".
func Answer(answer uint32) string {
	if bpf.Action(answer) == bpf.RetErrno {
		return policy.Action{Kind: policy.ActionErrno, Errno: bpf.Value(answer)}.String()
	}
	return bpf.Describe(answer)
}
