package seccomp

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// What a policy means when it leaves the actions out.
const (
	defaultAnswer = bpf.RetErrno | 38 // ENOSYS: libc falls back to an older call
	deniedAnswer  = bpf.RetErrno | 1  // EPERM: a person notices
)

// Rules is what a filter answers for each call of the native architecture. Every other architecture, and another binary
// interface within the native one, is answered with kill_process.
type Rules struct {
	Allow   []uint32 // numbers of the calls that are allowed; sorted, without duplicates
	Denied  uint32   // the answer for the other calls of the table
	Default uint32   // the answer for numbers that the table does not have
}

// Resolve turns the seccomp section of a policy into numbers and answers. A call that is allowed and denied is denied. All
// errors of the section come back at once, each with its place.
func Resolve(s policy.Seccomp) (Rules, error) {
	var errs []error
	note := func(pos policy.Pos, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d:%d: %w", pos.File, pos.Line, pos.Col, err))
		}
	}
	for _, a := range s.Architectures {
		if a.V != "native" && a.V != nativeName {
			note(a.Pos, fmt.Errorf("architecture %q cannot be opened; only native (%s) can", a.V, nativeName))
		}
	}
	r := Rules{Denied: deniedAnswer, Default: defaultAnswer}
	note(s.Denied.Pos, setAnswer(&r.Denied, s.Denied))
	note(s.Default.Pos, setAnswer(&r.Default, s.Default))

	denied := map[uint32]bool{}
	for _, c := range s.Deny {
		nr, err := number(c)
		note(c.Pos, err)
		denied[nr] = err == nil
	}
	for _, c := range s.Allow {
		nr, err := number(c)
		note(c.Pos, err)
		if err == nil && !denied[nr] {
			r.Allow = append(r.Allow, nr)
		}
	}
	slices.Sort(r.Allow)
	r.Allow = slices.Compact(r.Allow)
	return r, errors.Join(errs...)
}

func number(c policy.Call) (uint32, error) {
	nr, known := Number(c.Name)
	if !known {
		return 0, fmt.Errorf("%q is no system call of %s", c.Name, nativeName)
	}
	return nr, nil
}

// setAnswer sets the answer that an action stands for. An action that is neither written nor set leaves it.
func setAnswer(answer *uint32, a policy.Value[policy.Action]) error {
	if !a.Set() && a.V == (policy.Action{}) {
		return nil
	}
	switch a.V.Kind {
	case policy.ActionErrno:
		if a.V.Errno < 1 || a.V.Errno > bpf.MaxErrno {
			return fmt.Errorf("errno %d: an error number is 1 to %d; the caller would take 0 for success", a.V.Errno, bpf.MaxErrno)
		}
		*answer = bpf.RetErrno | uint32(a.V.Errno)
	case policy.ActionKillProcess:
		*answer = bpf.RetKillProcess
	case policy.ActionKillThread:
		*answer = bpf.RetKillThread
	case policy.ActionTrap:
		*answer = bpf.RetTrap
	case policy.ActionLog:
		*answer = bpf.RetLog
	case policy.ActionAllow:
		*answer = bpf.RetAllow
	default:
		return fmt.Errorf("action %d is not known; this is a bug of ours, please report it", a.V.Kind)
	}
	return nil
}

// Want returns what the rules answer for a call.
func (r Rules) Want(d bpf.Data) uint32 {
	if d.Arch != nativeArch || otherABI(d.Nr) {
		return bpf.RetKillProcess
	}
	if _, allowed := slices.BinarySearch(r.Allow, d.Nr); allowed {
		return bpf.RetAllow
	}
	if Name(d.Nr) != "" {
		return r.Denied
	}
	return r.Default
}

// Exceptions returns, for every call of the table whose answer is not Default, that answer: what a compiler that starts from
// Default has to add.
func (r Rules) Exceptions() map[uint32]uint32 {
	out := make(map[uint32]uint32, len(native.table().calls))
	for _, nr := range native.Calls() {
		if answer := r.Want(bpf.Data{Nr: nr, Arch: nativeArch}); answer != r.Default {
			out[nr] = answer
		}
	}
	return out
}

// cuts returns the places where Want may give another answer than for the value below, by word.
func (r Rules) cuts() cuts {
	numbers := slices.Clone(abiCuts[:])
	for _, nr := range native.Calls() {
		numbers = append(numbers, nr, nr+1)
	}
	for _, nr := range r.Allow {
		numbers = append(numbers, nr, nr+1)
	}
	return cuts{bpf.OffsetNr: numbers, bpf.OffsetArch: {nativeArch, nativeArch + 1}}
}
