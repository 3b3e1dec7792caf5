package posix

// Program is what a child created by [Processes.Clone3] does: a flat list of
// raw system calls with their arguments, and nothing else. The last step is
// normally execveat. A child that runs off the end of the list exits with status 0.
type Program struct {
	Steps []Step
	// Memory is constants and scratch space. The child sees a copy of it at a fixed place for as long as the
	// call runs, so results that are stored there come back to the caller.
	Memory []byte
	// Relocations are the places in Memory that hold addresses of other places in it.
	Relocations []Relocation
	// Shared makes the processes that steps create with memory of their own (clone(2) without CLONE_VM) write to the same Memory, and to
	// the same slots. Without it they get a copy, of which the caller never hears.
	Shared bool
}

// Relocation makes the eight bytes at At hold the address of the byte at To. Both are offsets into [Program.Memory].
type Relocation struct{ At, To uint32 }

// StepOp is what a [Step] does.
type StepOp uint8

const (
	// StepCall makes the system call Number with Args and stores the result in slot Result. An errno ends the child, unless
	// MayFail is set: then the negative errno is stored.
	StepCall StepOp = iota
	// StepDecimal writes the value of Args[0] in decimal digits to Args[1] (an address) and ends it with a zero byte.
	// At most 20 digits and the zero byte are written.
	StepDecimal
	// StepStore writes the value of Args[0], eight bytes, to Args[1] (an address).
	StepStore
	// StepExpect compares Args[0] & Args[1] with Args[2]. A difference ends the child.
	StepExpect
)

// Step is one step of a [Program].
type Step struct {
	Op      StepOp
	MayFail bool
	Result  uint8 // 1 to [MaxSlots]; 0 drops the result
	Number  uint32
	Args    [6]Arg
}

// MaxSlots is how many results a program can keep.
const MaxSlots = 15

// ArgKind says what the Value of an [Arg] is.
type ArgKind uint8

const (
	Immediate ArgKind = iota // the value itself
	Address                  // the address of the byte at this offset of Program.Memory
	Slot                     // the result kept in this slot
	Load                     // the 64-bit word at this offset of Program.Memory, read when the step runs
)

// Arg is one argument of a [Step].
type Arg struct {
	Kind  ArgKind
	Value uint64
}
