package libseccomp

import (
	"errors"
	"fmt"
	"os"
	"sync"

	lib "github.com/seccomp/libseccomp-golang"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// Options is what [Compile] needs. Files and Memory are required.
type Options struct {
	Files  posix.Files
	Memory posix.Memory
	// Linear asks for one test after the other, as the library does when nobody asks for a tree: a program that is smaller and, for most calls
	// that are not cached, slower.
	Linear bool
}

// library guards the state that the C library keeps for the process.
var library sync.Mutex

// Compile makes the filter of a policy's seccomp section with the library alone. It was proved to answer as [seccomp.Resolve] says for
// every number, architecture and argument. It is not loaded.
func Compile(s policy.Seccomp, opt Options) (*seccomp.Filter, error) {
	d, err := seccomp.Resolve(s)
	if err != nil {
		return nil, err
	}
	return compile(d, opt)
}

func compile(d *seccomp.Decision, opt Options) (*seccomp.Filter, error) {
	program, unsaid, err := build(d, opt, d.Arches()...)
	if err == nil && len(unsaid) > 0 {
		err = &cannotSay{fmt.Errorf("%d calls cannot be told to it, the first is %v", len(unsaid), unsaid[0])}
	}
	if err != nil {
		return nil, fmt.Errorf("libseccomp: %w", err)
	}
	f, err := seccomp.Verify(program, d)
	if err != nil {
		return nil, fmt.Errorf("libseccomp: %w", err)
	}
	return f, nil
}

// Choose makes the program of a decision function with the library, and returns the one to load: see [seccomp.Choose]. An error
// that has nothing to do with what the function says, such as no descriptors, is returned.
func Choose(d *seccomp.Decision, opt Options) (f *seccomp.Filter, how string, err error) {
	var broken error
	f, how, err = seccomp.Choose(d, func() ([]seccomp.Part, error) {
		made, err := parts(d, opt)
		var cannot *cannotSay
		if err != nil && !errors.As(err, &cannot) {
			broken = fmt.Errorf("libseccomp: %w", err)
		}
		return made, err
	})
	switch {
	case broken != nil:
		return nil, "", broken
	case err != nil && len(d.Arches()) > 1: // ours cannot be proved: the library's for all of them is better than none
		if f, failed := compile(d, opt); failed == nil {
			return f, fmt.Sprintf("%d instructions of libseccomp: %v (a bug of ours, please report it)", f.Instructions, err), nil
		}
	}
	return f, how, err
}

// Chooser returns [Choose] for the compile process, which has one kernel.
func Chooser[K interface {
	posix.Files
	posix.Memory
}](k K) func(*seccomp.Decision) (*seccomp.Filter, string, error) {
	return func(d *seccomp.Decision) (*seccomp.Filter, string, error) {
		return Choose(d, Options{Files: k, Memory: k})
	}
}

// export takes the program out through a file in memory: version 2.5 writes it to a descriptor only.
func export(filter *lib.ScmpFilter, opt Options) ([]byte, error) {
	const cloexec = 1 // MFD_CLOEXEC
	fd, err := opt.Memory.MemfdCreate("seccomp filter", cloexec)
	if err != nil {
		return nil, fmt.Errorf("make a file for the program: %w", err)
	}
	file := os.NewFile(uintptr(fd), "seccomp filter") // owns fd from here
	defer func() { _ = file.Close() }()
	if err := filter.ExportBPF(file); err != nil {
		return nil, fmt.Errorf("export the program: %w", err)
	}
	var st posix.Stat
	if err := opt.Files.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("measure the program: %w", err)
	}
	if st.Size > bpf.MaxInstructions*bpf.InstructionSize {
		return nil, fmt.Errorf("the program has %d instructions; the kernel takes %d", st.Size/bpf.InstructionSize, bpf.MaxInstructions)
	}
	program := make([]byte, st.Size)
	for done := 0; done < len(program); {
		n, err := opt.Files.Pread(fd, program[done:], int64(done))
		if err != nil {
			return nil, fmt.Errorf("read the program: %w", err)
		}
		if n == 0 {
			return nil, fmt.Errorf("read the program: it ends after %d of %d bytes", done, len(program))
		}
		done += n
	}
	return program, nil
}

// maxErrno is the largest error number that the library takes, one below the kernel's.
const maxErrno = bpf.MaxErrno - 1

// action returns the library's word for an answer.
func action(answer uint32) (lib.ScmpAction, error) {
	switch bpf.Action(answer) {
	case bpf.RetAllow:
		return lib.ActAllow, nil
	case bpf.RetErrno:
		if bpf.Value(answer) > maxErrno {
			return 0, &cannotSay{fmt.Errorf("errno %d: the library takes error numbers up to %d", bpf.Value(answer), maxErrno)}
		}
		return lib.ActErrno.SetReturnCode(int16(bpf.Value(answer))), nil
	case bpf.RetKillProcess:
		return lib.ActKillProcess, nil
	case bpf.RetKillThread:
		return lib.ActKillThread, nil
	case bpf.RetTrap:
		return lib.ActTrap, nil
	case bpf.RetLog:
		return lib.ActLog, nil
	default:
		return 0, &cannotSay{fmt.Errorf("no action for %s", bpf.Describe(answer))}
	}
}
