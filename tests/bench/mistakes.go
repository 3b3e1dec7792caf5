package main

import (
	"errors"
	"fmt"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
	"github.com/bulkhead/bulkhead/tests/planted"
)

// masksPolicy has rules of the kinds that the policies of the repository lack: masks, signed numbers, and halves of 64 bits.
const masksPolicy = `version: 1
modules:
  m:
    command: [/bin/true]
    user: nobody
    filesystem: [{path: /usr, access: rx}]
    seccomp:
      allow:
        - "@basic-io"
        - {call: socket, when: "family in [AF_UNIX, AF_INET] && (type & 0xf) == SOCK_STREAM"}
        - {call: mmap, when: "!(prot has PROT_WRITE && prot has PROT_EXEC)"}
        - {call: personality, when: "personality in [0, 8, 0x20000, 0x20008, 0xffffffff]"}
        - {call: setpriority, when: "niceval >= -10 && niceval < 5"}
        - {call: mremap, when: "new_len <= 0x100000000"}
        - {call: clone, when: "(clone_flags & 0x7e020000) == 0"}
      deny:
        - {call: clone3, action: errno ENOSYS}
`

// mistakes plants every kind of mistake at every place of every filter of the repository that is for this architecture, and counts those
// that the prover finds.
func (b *bench) mistakes() error {
	all, err := repository(b.tree)
	if err != nil {
		return err
	}
	pol, err := parse("masks.yaml", masksPolicy)
	if err != nil {
		return err
	}
	masks, err := newSection("masks", pol.Modules[0].Seccomp)
	if err != nil {
		return err
	}
	all = append(all, masks)
	result, filters, seen := planted.NewResult(), 0, map[string]bool{}
	for _, s := range all {
		d := s.decision
		key := d.Key()
		if seen[key] || d.Arches()[0] != seccomp.Native() {
			continue
		}
		seen[key] = true
		filters++
		subject := planted.Subject{Name: s.name, Program: s.program(), Want: d.Want, Native: seccomp.Native().Audit()}
		subject.Plant(func(p bpf.Program) (*planted.Witness, error) {
			err := seccomp.Prove(p, d)
			var diff *seccomp.Difference
			if errors.As(err, &diff) {
				return &planted.Witness{Call: diff.Call, Got: diff.Got, Want: diff.Want}, nil
			}
			return nil, err
		}, result)
	}
	for _, wrong := range result.Wrong {
		fmt.Println("  " + wrong)
	}
	for _, kind := range planted.Kinds() {
		if result.ByKind[kind.Name] == 0 && (!kind.X8664 || seccomp.Native() == seccomp.X8664) {
			return fmt.Errorf("no filter has a place for a mistake: %s", kind.Name)
		}
	}
	fmt.Printf("  %d kinds of mistakes, %d filters; %d changes mean nothing\n", len(result.ByKind), filters, result.Harmless)
	count("planted_total", result.Planted(), 0)
	return exactly("planted_found", result.Found(), result.Planted())
}
