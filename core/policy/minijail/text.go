package minijail

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// condition writes a condition in terms of the call's parameters; always or never when it does not depend on them.
func (w *writer) condition(c Call, or [][]Atom, p policy.Prototype) (string, error) {
	var alternatives []string
	for _, and := range or {
		var parts []string
		impossible := false
		for _, a := range and {
			if a.Arg >= len(p.Params) {
				return "", fmt.Errorf("%s has no argument %d", c.Name, a.Arg)
			}
			part := a.text(p.Params[a.Arg])
			impossible = impossible || part == never
			if part != always {
				parts = append(parts, part)
			}
		}
		switch {
		case impossible:
		case len(parts) == 0:
			return always, nil
		case len(or) > 1 && len(parts) > 1:
			alternatives = append(alternatives, "("+strings.Join(parts, " && ")+")")
		default:
			alternatives = append(alternatives, strings.Join(parts, " && "))
		}
	}
	if len(alternatives) == 0 {
		return never, nil
	}
	text := strings.Join(alternatives, " || ")
	if len(text) > maxText {
		return "", fmt.Errorf("the condition would have %d characters", len(text))
	}
	return text, nil
}

// text writes a comparison of a register of 64 bits without a sign in terms of a parameter that has a type.
func (a Atom) text(p policy.Param) string {
	v := a.Value
	name, raw := p.Name, "raw64("+p.Name+")"
	wide := p.Width == 32 || p.Pointer
	switch a.Op {
	case "in", "&":
		mask, shown := v.v, v.name
		if a.Op == "in" {
			mask, shown = ^v.v, v.not
		}
		if mask == 0 {
			return map[string]string{"in": always, "&": never}[a.Op]
		}
		if p.Pointer || p.Width == 32 && mask>>32 != 0 {
			name = raw
		}
		if shown == "" || p.Width == 32 && mask == 0xffffffff {
			shown = hex(mask)
		}
		if mask == ^uint64(0) || p.Width == 32 && mask == 0xffffffff && name == p.Name { // a mask of all bits is none
			return name + map[string]string{"in": " == 0", "&": " != 0"}[a.Op]
		}
		return fmt.Sprintf("(%s & %s) %s 0", name, shown, map[string]string{"in": "==", "&": "!="}[a.Op])
	case "==", "!=":
		if p.Pointer && v.v == 0 {
			return fmt.Sprintf("%s %s NULL", p.Name, a.Op)
		}
	case ">=", "<":
		if v.v == 0 {
			return map[string]string{">=": always, "<": never}[a.Op]
		}
	case "<=", ">":
		if v.v == ^uint64(0) {
			return map[string]string{"<=": always, ">": never}[a.Op]
		}
	}
	ordered := a.Op != "==" && a.Op != "!="
	switch {
	case wide:
		name = raw
	case ordered && p.Signed:
		return signed(name, a.Op, v.v)
	}
	shown := v.name
	if shown == "" || v.v>>31 != 0 || ordered { // a name may stand for less than zero, which is extended
		shown = hex(v.v)
	}
	return fmt.Sprintf("%s %s %s", name, a.Op, shown)
}

// signed writes a comparison by size without a sign of a parameter of 64 bits that has one: in that order, what is below zero is above all others.
func signed(name, op string, v uint64) string {
	below := op[0] == '<'
	if op == "<=" || op == ">" {
		v++ // not the highest: that would be always or never
	}
	const half = uint64(1) << 63
	negative := strconv.FormatInt(int64(v), 10)
	switch {
	case below && v < half:
		return fmt.Sprintf("%s >= 0 && %s < %s", name, name, hex(v))
	case below && v == half:
		return name + " >= 0"
	case below:
		return fmt.Sprintf("(%s >= 0 || %s < %s)", name, name, negative)
	case v < half:
		return fmt.Sprintf("(%s < 0 || %s >= %s)", name, name, hex(v))
	case v == half:
		return name + " < 0"
	}
	return fmt.Sprintf("%s < 0 && %s >= %s", name, name, negative)
}

func hex(v uint64) string {
	if v < 4096 {
		return strconv.FormatUint(v, 10)
	}
	return "0x" + strconv.FormatUint(v, 16)
}

// Decision returns what the file answers, for every call there can be. Other architectures get kill_process, as a policy has it.
func (f *File) Decision() (*seccomp.Decision, error) {
	program, err := f.program()
	if err != nil {
		return nil, err
	}
	return seccomp.FromProgram(program)
}
