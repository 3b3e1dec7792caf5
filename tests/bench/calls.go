package main

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// callsPolicy has a call of which an argument decides. It is made with 0, which is allowed.
const callsPolicy = `version: 1
modules:
  m:
    command: [/bin/true]
    user: nobody
    filesystem: [{path: /usr, access: rx}]
    seccomp:
      allow: ["@system-service"]
      deny: [{call: getpgid, when: "pid != 0"}]
`

// cheap are calls that do next to nothing, without arguments.
var cheap = []string{"getpid", "getuid", "getgid", "geteuid", "getegid", "getppid", "getpgrp", "gettid"}

// calls measures what a filter adds to a call.
func (b *bench) calls() error {
	pol, err := parse("calls.yaml", callsPolicy)
	if err != nil {
		return err
	}
	ours, err := newSection("calls", pol.Modules[0].Seccomp)
	if err != nil {
		return err
	}
	tree, err := b.library(ours, false)
	if err != nil {
		return err
	}
	linear, err := b.library(ours, true)
	if err != nil {
		return err
	}
	filters := []struct {
		name    string
		program []byte
	}{{"ours", ours.own.Program}, {"tree", tree.Program}, {"linear", linear.Program}, {"none", nil}}
	front, middle := places(linear.Program, ours.decision)
	for _, c := range []struct {
		what, call string
		errno      unix.Errno
	}{{"front", front, 0}, {"middle", middle, 0}, {"argument", "getpgid", 0}, {"denied", "acct", unix.EPERM}} {
		nr, known := seccomp.Number(c.call)
		if !known {
			return fmt.Errorf("there is no call %s", c.call)
		}
		var contenders []contender
		for _, f := range filters {
			errno := c.errno
			if f.program == nil && errno != 0 {
				continue // without a filter it is another call
			}
			contenders = append(contenders, contender{fmt.Sprintf("%d × %s (%s), %s", callBatch, c.call, c.what, f.name), func() (time.Duration, error) {
				return filtered(f.program, strconv.Itoa(int(nr)), "0", strconv.Itoa(int(errno)))
			}})
		}
		s, err := takeTurns(b.rounds(40), contenders...)
		if err != nil {
			return err
		}
		for i := range s {
			figure(fmt.Sprintf("call_%s_%s_ns", c.what, filters[i].name), float64(s[i].percentile(50))/callBatch, 0)
		}
	}
	return nil
}

// places returns the cheap call that a program tests first, and the one in the middle of all its tests.
func places(program []byte, d *seccomp.Decision) (front, middle string) {
	p, err := bpf.Decode(program)
	if err != nil {
		panic(err) // it was decoded when it was proved
	}
	first, off := len(p), math.MaxInt
	for _, name := range cheap {
		nr, known := seccomp.Number(name)
		if answer, ok := d.Always(seccomp.Native(), nr); !known || !ok || answer != bpf.RetAllow {
			continue
		}
		for i, in := range p {
			if in.Code != bpf.JMP|bpf.JEQ|bpf.K || in.K != nr {
				continue
			}
			if i < first {
				first, front = i, name
			}
			if away := max(i-len(p)/2, len(p)/2-i); away < off {
				off, middle = away, name
			}
		}
	}
	return front, middle
}
