package seccomp

import (
	"cmp"
	"iter"
	"slices"
	"sort"

	"golang.org/x/sys/unix"
)

// Arch is a binary interface for system calls: an architecture as seccomp(2) tells them apart, and x32, which it does not. The
// zero value is none and has no calls.
type Arch uint8

// The architectures with a table: the two that Bulkhead runs on, and the ones whose programs their kernels run too.
const (
	X8664   Arch = iota + 1 // 64 bits
	X86                     // i386, on a kernel of x86-64
	X32                     // x86-64 with pointers of 32 bits
	AArch64                 // 64 bits
	ARM                     // EABI, on a kernel of aarch64
)

// x32Bit is set in the number of each call of x32, which shares its architecture value with x86-64. Source: asm/unistd.h.
const x32Bit = 0x40000000

// call is a system call of an architecture: its number, without x32's bit, the place of its name in callEnds, that of its prototype in
// prototypeEnds plus one or 0, and its first kernel: the minor version in the lower byte, the major one above, or 0.
type call struct {
	nr        uint32
	name      uint16
	prototype uint16
	since     uint16
}

// archTable is what is generated for an architecture.
type archTable struct {
	name   string
	audit  uint32
	bit    uint32
	calls  []call
	places []uint16
	differ []ownConstant
}

// Source of the values: linux/audit.h.
var archTables = [...]archTable{
	X8664:   {"x86_64", unix.AUDIT_ARCH_X86_64, 0, x8664Calls[:], x8664Places[:], x8664Constants[:]},
	X86:     {"x86", unix.AUDIT_ARCH_I386, 0, x86Calls[:], x86Places[:], x86Constants[:]},
	X32:     {"x32", unix.AUDIT_ARCH_X86_64, x32Bit, x32Calls[:], x32Places[:], x32Constants[:]},
	AArch64: {"aarch64", unix.AUDIT_ARCH_AARCH64, 0, aarch64Calls[:], aarch64Places[:], aarch64Constants[:]},
	ARM:     {"arm", unix.AUDIT_ARCH_ARM, 0, armCalls[:], armPlaces[:], armConstants[:]},
}

// Arches returns every architecture that has a table, always in the same order. The slice is new.
func Arches() []Arch { return []Arch{X8664, X86, X32, AArch64, ARM} }

// ArchByName returns the architecture of a name as a policy has it: x86_64, x86, x32, aarch64 or arm.
func ArchByName(name string) (Arch, bool) {
	for _, a := range Arches() {
		if a.Name() == name {
			return a, true
		}
	}
	return 0, false
}

// Native returns the architecture that this program was built for.
func Native() Arch { return native }

func (a Arch) table() archTable {
	if int(a) < len(archTables) {
		return archTables[a]
	}
	return archTable{}
}

// Name returns the architecture's name, or "" for the zero value.
func (a Arch) Name() string { return a.table().name }

// String is Name, or "none".
func (a Arch) String() string { return cmp.Or(a.Name(), "none") }

// Audit returns the architecture's AUDIT_ARCH_ value, which struct seccomp_data has. X8664 and X32 have the same.
func (a Arch) Audit() uint32 { return a.table().audit }

// Number returns the number of a call as struct seccomp_data has it: on x32 with its bit.
func (a Arch) Number(name string) (uint32, bool) {
	c, found := a.lookup(name)
	if !found {
		return 0, false
	}
	return c.nr | a.table().bit, true
}

// lookup returns what is generated for a call.
func (a Arch) lookup(name string) (call, bool) {
	t := a.table()
	i, found := callIndex(name)
	if !found {
		return call{}, false
	}
	place, found := t.place(i)
	if !found {
		return call{}, false
	}
	return t.calls[place], true
}

// place returns where the architecture has the call whose name has a place among the names of all architectures.
func (t archTable) place(name int) (int, bool) {
	if name < 0 || name >= len(t.places) || t.places[name] == 0 {
		return 0, false
	}
	return int(t.places[name]) - 1, true
}

// CallName returns the name of a call, or "" when the table has no such number.
func (a Arch) CallName(nr uint32) string {
	t := a.table()
	if nr&x32Bit != t.bit {
		return ""
	}
	i, found := slices.BinarySearchFunc(t.calls, nr&^t.bit, func(c call, nr uint32) int { return cmp.Compare(c.nr, nr) })
	if !found {
		return ""
	}
	return nameAt(t.calls[i].name)
}

// Calls returns the names and numbers of all calls, sorted by number.
func (a Arch) Calls() iter.Seq2[string, uint32] {
	return func(yield func(string, uint32) bool) {
		t := a.table()
		for _, c := range t.calls {
			if !yield(nameAt(c.name), c.nr|t.bit) {
				return
			}
		}
	}
}

// callIndex returns the place of a name among the names of all architectures.
func callIndex(name string) (int, bool) {
	i := search(len(callEnds), name, func(i int) string { return nameAt(uint16(i)) })
	return i, i >= 0
}

// search returns the place of a name among sorted ones, or -1.
func search(count int, name string, at func(int) string) int {
	i := sort.Search(count, func(i int) bool { return at(i) >= name })
	if i == count || at(i) != name {
		return -1
	}
	return i
}

func nameAt(i uint16) string {
	start, end := span(callEnds[:], i)
	return callNames[start:end]
}
