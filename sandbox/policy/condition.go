package policy

// ConditionOp is the kind of a condition.
type ConditionOp uint8

const (
	CondTrue    ConditionOp = iota
	CondFalse               // never holds
	CondAnd                 // all of Of hold
	CondOr                  // one of Of holds
	CondNot                 // Of[0] does not hold
	CondCompare             // Compare holds
)

// Condition is a boolean function of a call's arguments, with names and types resolved for one architecture. A condition is not
// changed after it was made, and may be shared.
type Condition struct {
	Op      ConditionOp
	Of      []*Condition // CondAnd and CondOr: two or more; CondNot: one
	Compare Comparison   // CondCompare
}

// Relation is how an argument is compared with a constant.
type Relation uint8

const (
	RelEq Relation = iota
	RelNe
	RelLt
	RelLe
	RelGt
	RelGe
)

// Comparison is (argument & Mask) Op Value, in Width bits. The bits of the argument above Width are not looked at, as the kernel does
// not look at them: it casts the register to the C type of the parameter (SYSCALL_DEFINE in the kernel's include/linux/syscalls.h).
type Comparison struct {
	Arg         int    // 0 to 5
	Width       int    // 32 or 64
	Signed      bool   // Lt to Ge compare two's complement numbers of Width bits; false unless Mask has all bits
	Mask, Value uint64 // within Width bits
	Op          Relation
}

// Holds tells whether the condition holds for the six argument registers of a call. It is the definition that filters are proved against.
func (c *Condition) Holds(args [6]uint64) bool {
	switch c.Op {
	case CondTrue:
		return true
	case CondAnd:
		for _, of := range c.Of {
			if !of.Holds(args) {
				return false
			}
		}
		return true
	case CondOr:
		for _, of := range c.Of {
			if of.Holds(args) {
				return true
			}
		}
		return false
	case CondNot:
		return !c.Of[0].Holds(args)
	case CondCompare:
		return c.Compare.holds(args[c.Compare.Arg])
	default:
		return false
	}
}

func (c Comparison) holds(arg uint64) bool {
	arg &= c.Mask
	value := c.Value
	if c.Width == 32 {
		arg, value = uint64(uint32(arg)), uint64(uint32(value))
	}
	if c.Signed { // with the sign bit turned over, two's complement has the order of unsigned numbers
		sign := uint64(1) << (c.Width - 1)
		arg, value = arg^sign, value^sign
	}
	switch c.Op {
	case RelEq:
		return arg == value
	case RelNe:
		return arg != value
	case RelLt:
		return arg < value
	case RelLe:
		return arg <= value
	case RelGt:
		return arg > value
	default:
		return arg >= value
	}
}
