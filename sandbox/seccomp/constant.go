package seccomp

import (
	"cmp"
	"slices"
)

// ownConstant is what an architecture has in place of the value in constantValues.
type ownConstant struct {
	value uint64
	place uint16
	has   bool
}

// Constant returns the value that a C constant has on this architecture, as the kernel's headers for programs define it, such as
// AF_INET, O_CREAT, PROT_EXEC or TIOCSTI. A negative one, AT_FDCWD for example, is extended to 64 bits, as C does. Where a C
// library makes something else of a name, O_LARGEFILE and F_GETLK on 32 bits, it is the kernel's.
func (a Arch) Constant(name string) (uint64, bool) {
	t := a.table()
	if t.calls == nil {
		return 0, false
	}
	i := search(len(constantEnds), name, constantName)
	if i < 0 {
		return 0, false
	}
	if c := t.constantAt(i); c != nil {
		return c.value, c.has
	}
	return constantValues[i], true
}

// constantAt returns what the architecture has instead of the value in constantValues, or nil.
func (t archTable) constantAt(i int) *ownConstant {
	at, differs := slices.BinarySearchFunc(t.differ, i, func(c ownConstant, i int) int { return cmp.Compare(int(c.place), i) })
	if !differs {
		return nil
	}
	return &t.differ[at]
}

// Constants returns the names of all constants that this architecture has, sorted. The slice is new.
func (a Arch) Constants() []string {
	t := a.table()
	if t.calls == nil {
		return nil
	}
	names := make([]string, 0, len(constantEnds))
	for i := range constantEnds {
		if c := t.constantAt(i); c == nil || c.has {
			names = append(names, constantName(i))
		}
	}
	return names
}

func constantName(i int) string {
	start, end := span(constantEnds[:], uint16(i))
	return constantNames[start:end]
}
