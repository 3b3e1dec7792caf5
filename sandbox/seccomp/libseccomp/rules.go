package libseccomp

import (
	"errors"
	"fmt"
	"slices"

	lib "github.com/seccomp/libseccomp-golang"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// cannotSay is why the library has no words for a decision function.
type cannotSay struct{ error }

func (c *cannotSay) Unwrap() error { return c.error }

// features is the level of the library's interface that the filters need: kill_process (3) and programs shaped as a
// tree (4). It is set and not asked for, because the library finds out by trying system calls that this process may
// not make, and because the filter is for another process.
const features = 4

// maxCases is how many rules a call may take: each is a comparison under a mask for each argument, and the library becomes slow.
const maxCases = 256

// parts makes a program for each architecture of a decision function. One for all takes the library many times as long as they do.
func parts(d *seccomp.Decision, opt Options) (out []seccomp.Part, err error) {
	for _, a := range d.Arches() {
		program, unsaid, err := build(d, opt, a)
		if err != nil {
			return nil, err
		}
		out = append(out, seccomp.Part{Arch: a, Program: program, Unsaid: unsaid})
	}
	if len(out) == 0 {
		return nil, errOfProgram
	}
	return out, nil
}

var errOfProgram = &cannotSay{errors.New("the function is that of a program and not of a policy")}

// build makes the program of a decision function for some of its architectures, and returns the calls that the library has no words for: the
// program answers them as it does calls that there are not.
func build(d *seccomp.Decision, opt Options, arches ...seccomp.Arch) (program []byte, unsaid []seccomp.Unsaid, err error) {
	library.Lock()
	defer library.Unlock()
	if err := lib.SetAPI(features); err != nil {
		return nil, nil, fmt.Errorf("set interface level %d: %w", features, err)
	}
	if len(arches) == 0 {
		return nil, nil, errOfProgram
	}
	var whole *lib.ScmpFilter
	for _, a := range arches {
		part, lacks, err := rules(d, a, opt.Linear)
		if err != nil {
			return nil, nil, err
		}
		unsaid = append(unsaid, lacks...)
		if whole == nil {
			whole = part
			defer whole.Release()
			continue
		}
		if err := whole.Merge(part); err != nil {
			part.Release()
			return nil, nil, &cannotSay{fmt.Errorf("add %s to the filter: %w", a, err)}
		}
	}
	program, err = export(whole, opt)
	return program, unsaid, err
}

// rules returns a filter for one architecture, and the calls that are not in it. The caller releases it.
func rules(d *seccomp.Decision, a seccomp.Arch, linear bool) (_ *lib.ScmpFilter, unsaid []seccomp.Unsaid, err error) {
	// The function has no case for the number of no call, which is what all numbers have that the table has not.
	unknown, _ := d.Always(a, 1<<32-1)
	fallback, err := action(unknown)
	if err != nil {
		return nil, nil, err
	}
	filter, err := lib.NewFilter(fallback)
	if err != nil {
		return nil, nil, err
	}
	if err := errors.Join(settings(filter, linear), architecture(filter, a)); err != nil {
		filter.Release()
		return nil, nil, err
	}
	for name, nr := range a.Calls() {
		said, err := add(filter, d, a, name, nr, unknown)
		if err != nil {
			filter.Release()
			return nil, nil, fmt.Errorf("add a rule for %s (%d of %s): %w", name, nr, a, err)
		}
		if !said {
			unsaid = append(unsaid, seccomp.Unsaid{Arch: a, Nr: nr})
		}
	}
	return filter, unsaid, nil
}

func settings(filter *lib.ScmpFilter, linear bool) error {
	if err := filter.SetBadArchAction(lib.ActKillProcess); err != nil {
		return fmt.Errorf("set the answer for other architectures: %w", err)
	}
	const tree = 2
	if linear {
		return nil
	}
	if err := filter.SetOptimize(tree); err != nil {
		return fmt.Errorf("ask for a tree: %w", err)
	}
	return nil
}

// architecture makes a filter be for one architecture that is not the native one, which it is when it is new.
func architecture(filter *lib.ScmpFilter, a seccomp.Arch) error {
	if a == seccomp.Native() {
		return nil
	}
	theirs, err := libraryArch(a)
	if err != nil {
		return err
	}
	if err := filter.AddArch(theirs); err != nil {
		return fmt.Errorf("add %s: %w", a, err)
	}
	if err := filter.RemoveArch(lib.ArchNative); err != nil {
		return fmt.Errorf("remove the native architecture: %w", err)
	}
	return nil
}

func libraryArch(a seccomp.Arch) (lib.ScmpArch, error) {
	switch a {
	case seccomp.X8664:
		return lib.ArchAMD64, nil
	case seccomp.X86:
		return lib.ArchX86, nil
	case seccomp.X32:
		return lib.ArchX32, nil
	case seccomp.AArch64:
		return lib.ArchARM64, nil
	case seccomp.ARM:
		return lib.ArchARM, nil
	}
	return lib.ArchInvalid, &cannotSay{fmt.Errorf("no architecture %s", a)}
}

// number returns what the library is to be told for a call: the native number, from which it finds those of other architectures by name. It is
// false for a call that it does not know or, as it does the socket calls of x86, which are socketcall as well, by a number of its own.
func number(a seccomp.Arch, name string, nr uint32) (lib.ScmpSyscall, bool) {
	if a == seccomp.Native() {
		return lib.ScmpSyscall(nr), true
	}
	theirs, err := libraryArch(a)
	if err != nil {
		return 0, false
	}
	if there, err := lib.GetSyscallFromNameByArch(name, theirs); err != nil || uint32(there) != nr {
		return 0, false
	}
	here, err := lib.GetSyscallFromName(name)
	return here, err == nil
}

// add adds the rules of one call: one for each case whose answer is not that of unknown calls. Cases do not overlap. It returns false, and adds
// nothing, when the library has no words for the call or for its cases.
func add(filter *lib.ScmpFilter, d *seccomp.Decision, a seccomp.Arch, name string, nr, unknown uint32) (said bool, err error) {
	if answer, ok := d.Always(a, nr); ok && answer == unknown {
		return true, nil
	}
	call, known := number(a, name, nr)
	if !known {
		return false, nil
	}
	cases := d.Cases(a, nr, maxCases)
	if narrow(a) && slices.ContainsFunc(cases, looksAtUpperHalves) {
		return false, nil
	}
	for _, c := range cases {
		if c.Answer == unknown {
			continue
		}
		if err := addCase(filter, call, c); err != nil {
			return false, err
		}
	}
	return cases != nil, nil
}

// narrow tells whether the library takes the registers of an architecture for 32 bits wide, and drops the upper halves of what it is to
// compare with. Those of x32 have 64 bits. Source: the architectures' definitions in its src/arch-x32.c, arch-x86.c and arch-arm.c.
func narrow(a seccomp.Arch) bool { return a == seccomp.X86 || a == seccomp.X32 || a == seccomp.ARM }

func looksAtUpperHalves(c seccomp.Case) bool {
	return slices.ContainsFunc(c.Mask[:], func(mask uint64) bool { return mask>>32 != 0 })
}

func addCase(filter *lib.ScmpFilter, call lib.ScmpSyscall, c seccomp.Case) error {
	answer, err := action(c.Answer)
	if err != nil {
		return err
	}
	if c.IPMask != 0 {
		return &cannotSay{errors.New("the answer depends on the instruction pointer")}
	}
	var conditions []lib.ScmpCondition
	for i, mask := range c.Mask {
		if mask == 0 {
			continue
		}
		condition, err := lib.MakeCondition(uint(i), lib.CompareMaskedEqual, mask, c.Value[i])
		if err != nil {
			return fmt.Errorf("compare argument %d: %w", i, err)
		}
		conditions = append(conditions, condition)
	}
	if len(conditions) == 0 {
		err = filter.AddRuleExact(call, answer)
	} else {
		err = filter.AddRuleConditionalExact(call, answer, conditions)
	}
	if err != nil {
		return &cannotSay{fmt.Errorf("%s where %s: %w", bpf.Describe(c.Answer), c.Region, err)}
	}
	return nil
}
