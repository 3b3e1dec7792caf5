package main

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// filters compares how long a process takes that loads a filter and ends: our own emitter's, libseccomp's, none.
func (b *bench) filters() error {
	pol, err := parse("bench.yaml", fmt.Sprintf(launchPolicy, b.dir))
	if err != nil {
		return err
	}
	theirs, err := maker{b.kernel}.library(pol.Modules[0].Seccomp)
	if err != nil {
		return err
	}
	ours, err := seccomp.Emit(theirs.Decision)
	if err != nil {
		return err
	}
	loader := func(name string, filter []byte) contender {
		return contender{fmt.Sprintf("%s (%d instructions)", name, len(filter)/bpf.InstructionSize), b.starter(loading(filter))}
	}
	s, err := takeTurns(b.rounds(300), loader("load the own emitter's filter", ours.Program), loader("load libseccomp's filter", theirs.Program),
		loader("load none", nil))
	if err != nil {
		return err
	}
	none := s[2].median()
	figure("seccomp_emitter_vs_libseccomp", (s[0].median()-none)/(s[1].median()-none), 0)
	return nil
}

// loading returns a child that loads a filter, and ends.
func loading(filter []byte) *posix.Program {
	b := program.NewBuilder("bench", "")
	call := func(number uint32, args ...program.Value) { b.Call(program.Origin{}, "", number, args...) }
	if filter != nil {
		at := b.Bytes(filter)
		fprog := b.Words(uint64(len(filter)/bpf.InstructionSize), 0)
		b.Relocations = append(b.Relocations, posix.Relocation{At: fprog + 8, To: at})
		call(unix.SYS_PRCTL, program.Int(unix.PR_SET_NO_NEW_PRIVS), program.Int(1), program.Int(0), program.Int(0), program.Int(0))
		call(unix.SYS_SECCOMP, program.Int(unix.SECCOMP_SET_MODE_FILTER), program.Int(0), program.At(fprog, ""))
	}
	call(unix.SYS_EXIT_GROUP, program.Int(0))
	return raw(b)
}
