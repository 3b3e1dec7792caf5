package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// ctype is a C type of a parameter.
type ctype struct {
	name    string
	width   int // bits on an architecture of 64: 32 or 64
	signed  bool
	pointer bool
}

// param is a parameter of a call.
type param struct {
	name string
	ctype
}

// signedTypes and unsignedTypes are the types that are no pointers, with their bits in a kernel of 64 bits. Types of 16 bits are in
// a register of 32, of which the kernel looks at the lower half.
var (
	signedTypes = map[string]int{
		"int": 32, "pid_t": 32, "clockid_t": 32, "timer_t": 32, "key_t": 32, "key_serial_t": 32, "mqd_t": 32, "rwf_t": 32,
		"s32": 32, "__s32": 32, "compat_pid_t": 32, "compat_long_t": 32, "compat_off_t": 32, "compat_ssize_t": 32,
		"long": 64, "off_t": 64, "loff_t": 64, "ssize_t": 64,
	}
	unsignedTypes = map[string]int{
		"unsigned": 32, "unsigned int": 32, "uid_t": 32, "gid_t": 32, "qid_t": 32, "u32": 32, "__u32": 32, "uint32_t": 32, "enum landlock_rule_type": 32,
		"umode_t": 32, "old_uid_t": 32, "old_gid_t": 32, "compat_mode_t": 32, "compat_size_t": 32, "compat_ulong_t": 32,
		"compat_aio_context_t": 32, "unsigned long": 64, "size_t": 64, "u64": 64, "__u64": 64, "aio_context_t": 64, "old_sigset_t": 64,
	}
	// pointerTypes are pointers although they have no asterisk.
	pointerTypes = map[string]int{
		"cap_user_header_t": 64, "cap_user_data_t": 64, "const cap_user_data_t": 64, "__sighandler_t": 64, "compat_uptr_t": 32,
	}
)

// typeOf returns the width and the sign of a type.
func typeOf(name string) (ctype, error) {
	if strings.HasSuffix(name, "*") {
		return ctype{name: name, width: 64, pointer: true}, nil
	}
	if w, is := pointerTypes[name]; is {
		return ctype{name: name, width: w, pointer: true}, nil
	}
	if w, is := signedTypes[name]; is {
		return ctype{name: name, width: w, signed: true}, nil
	}
	if w, is := unsignedTypes[name]; is {
		return ctype{name: name, width: w}, nil
	}
	return ctype{}, fmt.Errorf("%q is no type that has a width here", name)
}

var (
	declaration = regexp.MustCompile(`^(.*?[\s*])(\w+)$`)
	split       = regexp.MustCompile(`^compat_arg_u64\((\w+)\)$`)
	function    = regexp.MustCompile(`^(\w+)\((.*)\)$`)
)

// parseParams reads the parameters of a C function. A value of 64 bits that is passed in two registers is two parameters.
func parseParams(text string) ([]param, error) {
	if text == "void" || text == "struct pt_regs *regs" {
		return nil, nil
	}
	var params []param
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if m := split.FindStringSubmatch(part); m != nil { // compat.h: the lower half first where the byte order is little endian
			u32, _ := typeOf("u32")
			params = append(params, param{m[1] + "_lo", u32}, param{m[1] + "_hi", u32})
			continue
		}
		part = strings.TrimSuffix(part, "[]")
		m := declaration.FindStringSubmatch(part)
		if m == nil {
			return nil, fmt.Errorf("%q has no name", part)
		}
		t, err := typeOf(strings.TrimSpace(m[1]))
		if err != nil {
			return nil, fmt.Errorf("%q: %w", part, err)
		}
		if slices.ContainsFunc(params, func(p param) bool { return p.name == m[2] }) {
			return nil, fmt.Errorf("%q is there twice", m[2])
		}
		params = append(params, param{m[2], t})
	}
	if len(params) > 6 {
		return nil, fmt.Errorf("%d parameters", len(params))
	}
	return params, nil
}

// prototypes is what is known about the functions that calls enter.
type prototypes struct {
	params  map[string]string    // of a function, as text
	entries map[[2]string]string // function by architecture, or *, and call
	none    map[string]string    // why a call has no prototype
	origins []string
}

// notThere is the function of a number without a call. Source: kernel/sys_ni.c.
const notThere = "sys_ni_syscall"

// readPrototypes reads the distilled inputs, and over them what is written by hand.
func readPrototypes() (prototypes, error) {
	p := prototypes{params: map[string]string{}, entries: map[[2]string]string{}, none: map[string]string{}}
	for _, name := range []string{"prototypes.txt", "entries.txt", "byhand.txt"} {
		in, err := readInput(name)
		if err != nil {
			return p, err
		}
		p.origins = append(p.origins, in.origin)
		if err := p.add(in); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (p prototypes) add(in input) error {
	for _, l := range in.lines {
		if m := function.FindStringSubmatch(l.text); m != nil {
			p.params[m[1]] = m[2]
			continue
		}
		if rest, is := strings.CutPrefix(l.text, "none "); is {
			call, reason, _ := strings.Cut(rest, " ")
			p.none[call] = reason
			continue
		}
		words := strings.Fields(strings.TrimPrefix(l.text, "entry "))
		if len(words) != 3 {
			return fmt.Errorf("%s:%d: %q is neither a function nor an entry", in.name, l.number, l.text)
		}
		p.entries[[2]string{words[0], words[1]}] = words[2]
	}
	return nil
}

// of returns the parameters of a call, or why it has no prototype.
func (p prototypes) of(arch, call string) (params []param, why string, err error) {
	if why := p.none[call]; why != "" {
		return nil, why, nil
	}
	entry := p.entries[[2]string{"*", call}]
	if entry == "" {
		entry = p.entries[[2]string{arch, call}]
	}
	if entry == "" {
		entry = "sys_" + call
	}
	if entry == notThere {
		return nil, "the kernel does not implement it", nil
	}
	text, known := p.params[entry]
	if !known {
		return nil, "", fmt.Errorf("%s: %s enters %s, which no input declares: add it to byhand.txt", arch, call, entry)
	}
	params, err = parseParams(text)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %s(%s): %w", arch, entry, text, err)
	}
	for _, q := range params {
		if narrow[arch] && q.width == 64 && !q.pointer && wide[q.ctype.name] {
			return nil, "", fmt.Errorf("%s: %s: %s has 64 bits, and a register has 32", arch, entry, q.name)
		}
	}
	return params, "", nil
}

var (
	// narrow are the architectures whose registers have 32 bits.
	narrow = map[string]bool{"x86": true, "arm": true}
	// wide are the types that have 64 bits there too.
	wide = map[string]bool{"loff_t": true, "u64": true, "__u64": true}
)
