package seccomp

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// ExecOncePatch says where in a program of [WithExecOnce] the secret goes: byte offsets of two 32-bit words.
type ExecOncePatch struct {
	LowAt, HighAt int
}

// unpatched stands in the program until the secret does. A launch with a program that was not patched fails: its execveat
// carries another value.
const unpatched uint64 = 0xb01c4ead5ec2e701

// secretArg is the argument of execveat that carries the secret: the call has five, so the kernel does not look at it.
const secretArg = 5

// WithExecOnce puts in front of a filter that execveat is allowed when the 64 bits of its sixth argument, which the call does
// not have, are a secret. All else is answered by the filter, which is not changed. [Patch] sets the secret. The program was proved to
// be that, for every secret ([ProveOnce]).
//
// The new instructions cost a call that is always allowed nothing: kernels from 5.11 evaluate such calls when the filter
// is loaded.
func WithExecOnce(f *Filter) (prog []byte, patch ExecOncePatch, err error) {
	nr, err := execOnceCall()
	if err != nil {
		return nil, patch, fmt.Errorf("allow exec once: %w", err)
	}
	const offsetK = 4 // of the constant within an instruction
	patch = ExecOncePatch{LowAt: lowAt*bpf.InstructionSize + offsetK, HighAt: highAt*bpf.InstructionSize + offsetK}
	prog = append(execOnce(nr).Bytes(), f.Program...)
	if err := Patch(prog, patch, unpatched); err != nil {
		return nil, ExecOncePatch{}, err
	}
	if err := ProveOnce(prog, patch, f.Decision); err != nil {
		return nil, ExecOncePatch{}, fmt.Errorf("allow exec once: %w", err)
	}
	return prog, patch, nil
}

// The instructions that compare the halves of the secret.
const lowAt, highAt = 5, 7

// execOnce is what stands before the filter, with 0 for the secret.
func execOnce(nr uint32) bpf.Program {
	return bpf.Program{
		{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetArch},
		{Code: bpf.JMP | bpf.JEQ | bpf.K, JF: 7, K: Native().Audit()},
		{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetNr},
		{Code: bpf.JMP | bpf.JEQ | bpf.K, JF: 5, K: nr},
		{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetArgLow(secretArg)},
		{Code: bpf.JMP | bpf.JEQ | bpf.K, JF: 3},
		{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetArgHigh(secretArg)},
		{Code: bpf.JMP | bpf.JEQ | bpf.K, JF: 1},
		{Code: bpf.RET | bpf.K, K: bpf.RetAllow},
	}
}

// WithoutExecOnce returns the filter behind the instructions of [WithExecOnce], whatever their secret is. It returns false, and the program as it
// is, when there are none.
func WithoutExecOnce(p bpf.Program) (bpf.Program, bool) {
	nr, known := Number("execveat")
	once := execOnce(nr)
	if !known || len(p) <= len(once) {
		return p, false
	}
	for i, want := range once {
		if i == lowAt || i == highAt {
			want.K = p[i].K
		}
		if p[i] != want {
			return p, false
		}
	}
	return p[len(once):], true
}

// execOnceCall is the number of the call that starts a module.
func execOnceCall() (uint32, error) {
	nr, known := Number("execveat")
	if !known {
		return 0, errors.New("the table has no execveat; this is a bug of ours, please report it")
	}
	return nr, nil
}

// Patch sets the secret of a program of [WithExecOnce]. A secret of 0 is refused: it is what the unused argument of an
// ordinary execveat is likely to hold.
func Patch(prog []byte, p ExecOncePatch, secret uint64) error {
	if secret == 0 {
		return errors.New("patch exec once: the secret is 0")
	}
	for _, at := range []int{p.LowAt, p.HighAt} {
		if at < 0 || at+4 > len(prog) {
			return fmt.Errorf("patch exec once: offset %d is outside of a program of %d bytes", at, len(prog))
		}
	}
	binary.NativeEndian.PutUint32(prog[p.LowAt:], uint32(secret))
	binary.NativeEndian.PutUint32(prog[p.HighAt:], uint32(secret>>32))
	return nil
}
