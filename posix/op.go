package posix

import (
	"slices"
	"strconv"
)

// Op is an operation: one method of [Core]. The zero value is no operation.
// Numbers may change between releases; what is kept or shown is the name.
type Op uint8

// Retry says what may be done when an operation returns EINTR.
type Retry uint8

// The words of the //posix:retry directive.
const (
	RetryFree   Retry = iota + 1 // "retry": nothing has happened, the call may be made again
	RetryNever                   // "never": the call has had its effect, or repeating it is dangerous
	RetryCaller                  // "caller": only the caller knows, for example because of a timeout
)

// String returns the directive's word.
func (r Retry) String() string {
	switch r {
	case RetryFree:
		return "retry"
	case RetryNever:
		return "never"
	case RetryCaller:
		return "caller"
	}
	return "retry(" + strconv.Itoa(int(r)) + ")"
}

// opInfo is a row of the generated table.
type opInfo struct {
	name   string // "openat2"
	method string // "Openat2"
	iface  string // "Files"
	calls  []string
	retry  Retry
	reason string // of retry
}

func (op Op) info() *opInfo {
	if int(op) < len(opTable) {
		return &opTable[op]
	}
	return &opTable[0]
}

// String returns the operation's name: the method's in lower case with
// underscores, which for most is the system call's ("pidfd_send_signal").
func (op Op) String() string {
	if i := op.info(); i.name != "" {
		return i.name
	}
	return "op(" + strconv.Itoa(int(op)) + ")"
}

// Method returns the name of the method of [Core], empty for an invalid Op.
func (op Op) Method() string { return op.info().method }

// Interface returns the name of the narrow interface that has the method, empty for an invalid Op.
func (op Op) Interface() string { return op.info().iface }

// Calls returns the system calls that the operation makes, as seccomp filters name them.
func (op Op) Calls() []string { return slices.Clone(op.info().calls) }

// Retry returns what may be done about EINTR, 0 for an invalid Op.
func (op Op) Retry() Retry { return op.info().retry }

// RetryReason returns why [Op.Retry] is what it is, as a clause: "nothing was made". It is empty for an invalid Op.
func (op Op) RetryReason() string { return op.info().reason }

// Ops returns every operation, in the order of [Core].
func Ops() []Op {
	ops := make([]Op, 0, OpCount-1)
	for op := Op(1); op < OpCount; op++ {
		ops = append(ops, op)
	}
	return ops
}

// OpByName returns the operation with a name such as "openat2".
func OpByName(name string) (Op, bool) {
	for op := Op(1); op < OpCount; op++ {
		if opTable[op].name == name {
			return op, true
		}
	}
	return 0, false
}
