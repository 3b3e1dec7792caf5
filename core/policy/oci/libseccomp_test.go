package oci

import (
	"os"
	"slices"
	"testing"

	lib "github.com/seccomp/libseccomp-golang"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// libraryFilter makes the filter that libseccomp makes of a profile, with the calls of it that runc makes.
func libraryFilter(t *testing.T, p *Profile) bpf.Program {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	act := map[uint32]lib.ScmpAction{bpf.RetAllow: lib.ActAllow, bpf.RetKillThread: lib.ActKillThread, bpf.RetLog: lib.ActLog, bpf.RetTrap: lib.ActTrap}
	libAction := func(answer uint32) lib.ScmpAction {
		if bpf.Action(answer) == bpf.RetErrno {
			return lib.ActErrno.SetReturnCode(int16(bpf.Value(answer)))
		}
		a, known := act[answer]
		if !known {
			t.Fatalf("no action of the library for %s", bpf.Describe(answer))
		}
		return a
	}
	f, err := lib.NewFilter(libAction(p.Default))
	must(err)
	defer f.Release()
	for _, a := range p.Arches {
		must(f.AddArch(libraryArch(a)))
	}
	if !slices.Contains(p.Arches, seccomp.Native()) {
		must(f.RemoveArch(lib.ArchNative))
	}
	ops := map[policy.Relation]lib.ScmpCompareOp{policy.RelEq: lib.CompareEqual, policy.RelNe: lib.CompareNotEqual, policy.RelLt: lib.CompareLess,
		policy.RelLe: lib.CompareLessOrEqual, policy.RelGt: lib.CompareGreater, policy.RelGe: lib.CompareGreaterEqual}
	for _, r := range p.Rules {
		nr, err := lib.GetSyscallFromName(r.Call)
		if err != nil || r.Answer == p.Default {
			continue // runc ignores both
		}
		var conditions []lib.ScmpCondition
		for _, c := range r.Compare {
			values := []uint64{c.Value}
			op := ops[c.Op]
			if c.Mask != ^uint64(0) {
				op, values = lib.CompareMaskedEqual, []uint64{c.Mask, c.Value}
			}
			condition, err := lib.MakeCondition(uint(c.Arg), op, values...)
			must(err)
			conditions = append(conditions, condition)
		}
		if len(conditions) == 0 {
			must(f.AddRule(nr, libAction(r.Answer)))
		} else {
			must(f.AddRuleConditional(nr, libAction(r.Answer), conditions))
		}
	}
	file, err := os.CreateTemp(t.TempDir(), "filter")
	must(err)
	defer func() { _ = file.Close() }()
	must(f.ExportBPF(file))
	text, err := os.ReadFile(file.Name())
	must(err)
	program, err := bpf.Decode(text)
	must(err)
	return program
}

// libraryArch returns the library's name of an architecture.
func libraryArch(a seccomp.Arch) lib.ScmpArch {
	return map[seccomp.Arch]lib.ScmpArch{seccomp.X8664: lib.ArchAMD64, seccomp.X86: lib.ArchX86, seccomp.X32: lib.ArchX32,
		seccomp.AArch64: lib.ArchARM64, seccomp.ARM: lib.ArchARM}[a]
}

// unknown tells whether the installed library's table lacks a number that ours has: it is older.
func unknown(arch seccomp.Arch, nr uint32) bool {
	name := arch.CallName(nr)
	number, err := lib.GetSyscallFromNameByArch(name, libraryArch(arch))
	through, _ := multiplexed(name) // which the library gives a number of its own that is below zero
	return err != nil || number < 0 && !(arch == seccomp.X86 && through != "")
}

// TestAsLibseccomp: the profile's answers are those of the filter that the library makes of the same rules.
func TestAsLibseccomp(t *testing.T) {
	profiles := map[string]*Profile{}
	for _, arch := range []seccomp.Arch{seccomp.X8664, seccomp.AArch64} {
		profiles["docker "+arch.Name()] = parsed(t, dockerProfile(t), Options{Arch: arch})
		profiles["docker with CAP_SYS_ADMIN "+arch.Name()] = parsed(t, dockerProfile(t), Options{Arch: arch, Capabilities: []string{"CAP_SYS_ADMIN"}})
	}
	for name, op := range map[string]string{"equal": "EQ", "not equal": "NE", "less": "LT", "at most": "LE", "more": "GT", "at least": "GE",
		"masked": "MASKED_EQ"} {
		profiles[name] = parsed(t, []byte(profile(`{"names": ["dup2", "socket", "shmget"], "action": "SCMP_ACT_ALLOW", "args": [
			{"index": 0, "value": 4294967304, "valueTwo": 264, "op": "SCMP_CMP_`+op+`"}, {"index": 1, "value": 18446744071562067968, "op": "SCMP_CMP_`+op+`"}]}`)),
			Options{Arch: seccomp.X8664})
	}
	for name, p := range profiles {
		t.Run(name, func(t *testing.T) {
			program := libraryFilter(t, p)
			cached := map[seccomp.Arch]map[uint32]numbers{}
			skipped := map[uint32]bool{}
			sameAnswers(t, p, program.Run, func(d bpf.Data) uint32 {
				if arch := p.archFor(d); arch != 0 && arch.CallName(d.Nr) != "" && unknown(arch, d.Nr) {
					skipped[d.Nr] = true
					return program.Run(d)
				}
				return answerWith(p, cached, d)
			})
			if len(skipped) > 120 {
				t.Errorf("%d calls are not in the library's table", len(skipped))
			}
		})
	}
}
