package spawner

import (
	"encoding/binary"
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// oneLimit is a kernel that knows one limit.
type oneLimit struct {
	posix.Limits
	hard uint64
	err  error
}

func (l oneLimit) Prlimit(_ posix.PID, _ int, _, old *posix.Rlimit) error {
	*old = posix.Rlimit{Soft: 10, Hard: l.hard}
	return l.err
}

func TestFitDescriptors(t *testing.T) {
	b := program.NewBuilder("manager", ManagerSource)
	limit := func(resource uint64, n uint64) uint32 {
		at := b.Words(n, n)
		b.Call(program.Origin{}, "prlimit64", unix.SYS_PRLIMIT64, program.Int(0), program.Const(resource, ""), program.At(at, ""), program.Null())
		return at
	}
	processes, files := limit(unix.RLIMIT_NPROC, 20000), limit(unix.RLIMIT_NOFILE, 20000)
	module := wire.Module{Name: "manager", Program: &b.Program}
	words := func(m wire.Module, at uint32) [2]uint64 {
		return [2]uint64{binary.NativeEndian.Uint64(m.Program.Memory[at:]), binary.NativeEndian.Uint64(m.Program.Memory[at+8:])}
	}
	for hard, want := range map[uint64]uint64{400: 400, 20000: 20000, 1 << 20: 20000} {
		m, err := FitDescriptors(oneLimit{hard: hard}, module)
		if err != nil || words(m, files) != [2]uint64{want, want} || words(m, processes) != [2]uint64{20000, 20000} {
			t.Errorf("hard limit %d: %v, files %v, processes %v", hard, err, words(m, files), words(m, processes))
		}
	}
	if words(module, files) != [2]uint64{20000, 20000} {
		t.Error("the module that it was given is changed")
	}
	if _, err := FitDescriptors(oneLimit{err: posix.Errno(unix.EPERM)}, module); !errors.Is(err, posix.Errno(unix.EPERM)) {
		t.Errorf("error %v", err)
	}
	if m, err := FitDescriptors(oneLimit{hard: 1}, wire.Module{Name: "manager"}); err != nil || m.Program != nil {
		t.Errorf("without a program: %v, %v", m.Program, err)
	}
}
