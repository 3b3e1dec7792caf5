package spawner

import (
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// FitDescriptors returns a module that asks for no more open files than this process may have itself. That is for the manager: its policy
// asks for as many as a large host needs, which a process whose own hard limit is lower could not grant. The module that it was given is
// not changed.
func FitDescriptors(k posix.Limits, m wire.Module) (wire.Module, error) {
	var own posix.Rlimit
	if err := k.Prlimit(0, unix.RLIMIT_NOFILE, nil, &own); err != nil {
		return m, fmt.Errorf("read RLIMIT_NOFILE: %w", err)
	}
	if m.Program == nil {
		return m, nil
	}
	p := *m.Program
	p.Memory = slices.Clone(p.Memory)
	for _, s := range p.Steps {
		if s.Op != posix.StepCall || s.Number != unix.SYS_PRLIMIT64 || s.Args[1] != program.Const(unix.RLIMIT_NOFILE, "").Arg || s.Args[2].Kind != posix.Address {
			continue
		}
		limit := p.Memory[s.Args[2].Value:] // struct rlimit64: soft, hard
		for at := 0; at < 16; at += 8 {
			binary.NativeEndian.PutUint64(limit[at:], min(binary.NativeEndian.Uint64(limit[at:]), own.Hard))
		}
	}
	m.Program = &p
	return m, nil
}
