package libseccomp

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"

	lib "github.com/seccomp/libseccomp-golang"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// Options is what [Compile] needs. Both are required.
type Options struct {
	Files  posix.Files
	Memory posix.Memory
}

// library guards the state that the C library keeps for the process.
var library sync.Mutex

// Compile makes the filter of a policy's seccomp section:
//
//   - calls that are allowed and not denied are allowed;
//   - other calls of the table get the section's Denied action;
//   - numbers that the table does not have get its Default action;
//   - other architectures, x32 among them, get kill_process.
//
// The filter was proved to do so for every number, architecture and argument. It is not loaded.
func Compile(s policy.Seccomp, opt Options) (*seccomp.Filter, error) {
	rules, err := seccomp.Resolve(s)
	if err != nil {
		return nil, err
	}
	program, err := build(rules, opt)
	if err != nil {
		return nil, fmt.Errorf("libseccomp: %w", err)
	}
	f, err := seccomp.Verify(program, rules)
	if err != nil {
		return nil, fmt.Errorf("libseccomp: %w", err)
	}
	return f, nil
}

// features is the level of the library's interface that the filters need: kill_process (3) and programs shaped as a
// tree (4). It is set and not asked for, because the library finds out by trying system calls that this process may
// not make, and because the filter is for another process.
const features = 4

func build(r seccomp.Rules, opt Options) ([]byte, error) {
	library.Lock()
	defer library.Unlock()
	if err := lib.SetAPI(features); err != nil {
		return nil, fmt.Errorf("set interface level %d: %w", features, err)
	}
	fallback, err := action(r.Default)
	if err != nil {
		return nil, err
	}
	filter, err := lib.NewFilter(fallback)
	if err != nil {
		return nil, err
	}
	defer filter.Release()
	if err := filter.SetBadArchAction(lib.ActKillProcess); err != nil {
		return nil, fmt.Errorf("set the answer for other architectures: %w", err)
	}
	const tree = 2
	if err := filter.SetOptimize(tree); err != nil {
		return nil, fmt.Errorf("ask for a tree: %w", err)
	}
	exceptions := r.Exceptions()
	for _, nr := range slices.Sorted(maps.Keys(exceptions)) {
		answer, err := action(exceptions[nr])
		if err != nil {
			return nil, err
		}
		if err := filter.AddRuleExact(lib.ScmpSyscall(nr), answer); err != nil {
			return nil, fmt.Errorf("add a rule for %s (%d): %w", seccomp.Name(nr), nr, err)
		}
	}
	return export(filter, opt)
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
			return 0, fmt.Errorf("errno %d: the library takes error numbers up to %d", bpf.Value(answer), maxErrno)
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
		return 0, fmt.Errorf("no action for %s; this is a bug of ours, please report it", bpf.Describe(answer))
	}
}
