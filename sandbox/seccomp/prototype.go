package seccomp

import "github.com/bulkhead/bulkhead/sandbox/policy"

// ctype is a C type: its bits where long has 64.
type ctype struct {
	width   uint8
	signed  bool
	pointer bool
}

// param is the place of a parameter's name in paramEnds and that of its type in typeTable.
type param struct{ name, ctype uint16 }

// Prototype returns what a call takes on this architecture, with the names of the kernel's source. It is false for a call that
// the architecture lacks or no kernel of it implements, such as afs_syscall.
//
// The width of a parameter is the number of bits that the kernel looks at, rounded up to 32. Registers of x86 and arm have 32, and a
// value of 64 bits is two parameters there. Those of x32 have 64, but the functions that it shares with x86 look at 32 of
// a long.
func (a Arch) Prototype(name string) (policy.Prototype, bool) {
	c, found := a.lookup(name)
	if !found || c.prototype == 0 {
		return policy.Prototype{}, false
	}
	start, end := span(prototypeEnds[:], c.prototype-1)
	p := policy.Prototype{Params: make([]policy.Param, 0, end-start)}
	for _, place := range prototypeParams[start:end] {
		param := paramTable[place]
		t := typeTable[param.ctype]
		nameStart, nameEnd := span(paramEnds[:], param.name)
		typeStart, typeEnd := span(typeEnds[:], param.ctype)
		width := int(t.width)
		if a.narrow() {
			width = 32
		}
		p.Params = append(p.Params, policy.Param{
			Name: paramNames[nameStart:nameEnd], Type: typeNames[typeStart:typeEnd], Width: width, Signed: t.signed, Pointer: t.pointer,
		})
	}
	return p, true
}

// narrow tells whether a register has 32 bits.
func (a Arch) narrow() bool { return a == X86 || a == ARM }

// Since returns the first kernel that has a call on this architecture. It is false for a call that the architecture lacks, and for
// a few that no kernel of this century implements. Source: syscalls(2).
func (a Arch) Since(name string) (policy.KernelVersion, bool) {
	c, found := a.lookup(name)
	if !found || c.since == 0 {
		return policy.KernelVersion{}, false
	}
	return policy.KernelVersion{Major: int(c.since >> 8), Minor: int(c.since & 0xff)}, true
}

// span returns where the string or list of a place begins and ends.
func span[E uint16 | uint32](ends []E, place uint16) (start, end E) {
	if place > 0 {
		start = ends[place-1]
	}
	return start, ends[place]
}
