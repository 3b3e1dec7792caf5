package oci

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// condition writes the comparisons of a rule as an expression of the policy language, "" for one that always holds. It returns false when it
// never holds. raw tells whether whole registers are compared where the kernel looks at the lower half.
func (r Rule) condition(arch seccomp.Arch, prototype policy.Prototype) (text string, raw, possible bool, err error) {
	var parts []string
	for _, c := range r.Compare {
		on := c.on(arch)
		if never(on) {
			return "", false, false, nil
		}
		if always(on) {
			continue
		}
		if on.Arg >= len(prototype.Params) {
			return "", false, true, fmt.Errorf("%s has no argument %d", r.Call, on.Arg)
		}
		part, isRaw := literal(on, prototype.Params[on.Arg])
		parts, raw = append(parts, part), raw || isRaw
	}
	return strings.Join(parts, " && "), raw, true, nil
}

var operators = [...]string{policy.RelEq: "==", policy.RelNe: "!=", policy.RelLt: "<", policy.RelLe: "<=", policy.RelGt: ">", policy.RelGe: ">="}

// literal writes a comparison of a register, which is one without a sign, in terms of an argument that has a type.
func literal(c policy.Comparison, p policy.Param) (text string, raw bool) {
	name := p.Name
	wide := c.Width == 64 && (p.Width == 32 || p.Pointer)
	masked := c.Mask != all(c.Width)
	switch {
	case p.Pointer && !masked && c.Value == 0 && (c.Op == policy.RelEq || c.Op == policy.RelNe):
		return fmt.Sprintf("%s %s NULL", name, operators[c.Op]), false
	case masked && wide && !p.Pointer && c.Mask>>32 == 0: // the upper half is not looked at
		return fmt.Sprintf("(%s & %s) == %s", name, constant(c.Mask), constant(c.Value)), false
	case wide:
		name, raw = "raw64("+name+")", true
	case p.Signed && !masked && c.Op != policy.RelEq && c.Op != policy.RelNe:
		return signed(c, name), false
	}
	if masked {
		return fmt.Sprintf("(%s & %s) == %s", name, constant(c.Mask), constant(c.Value)), raw
	}
	return fmt.Sprintf("%s %s %s", name, operators[c.Op], constant(c.Value)), raw
}

// signed writes a comparison by size without a sign of an argument that has one: in that order, what is below zero is above all others.
func signed(c policy.Comparison, name string) string {
	value, half := c.Value, uint64(1)<<(c.Width-1)
	below := c.Op == policy.RelLt || c.Op == policy.RelLe
	if c.Op == policy.RelLe || c.Op == policy.RelGt {
		value++ // not the highest: that would be always or never
	}
	negative := strconv.FormatInt(int64(value<<(64-c.Width))>>(64-c.Width), 10)
	switch {
	case below && value < half:
		return fmt.Sprintf("%s >= 0 && %s < %s", name, name, constant(value))
	case below && value == half:
		return name + " >= 0"
	case below:
		return fmt.Sprintf("(%s >= 0 || %s < %s)", name, name, negative)
	case value < half:
		return fmt.Sprintf("(%s < 0 || %s >= %s)", name, name, constant(value))
	case value == half:
		return name + " < 0"
	}
	return fmt.Sprintf("%s < 0 && %s >= %s", name, name, negative)
}

func constant(v uint64) string {
	if v < 4096 {
		return strconv.FormatUint(v, 10)
	}
	return "0x" + strconv.FormatUint(v, 16)
}
