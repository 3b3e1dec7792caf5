package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/core/policy/trace"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// traceLines is how long the simulated trace is.
const traceLines = 2000

// simulates measures what a policy says to a trace of nginx, which is repeated until it is long enough.
func (b *bench) simulates() error {
	text, err := longTrace(filepath.Join(b.tree, "tests/testdata/nginx.strace"))
	if err != nil {
		return err
	}
	path := filepath.Join(b.tree, "policies/nginx.yaml")
	source, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	pol, ds := policy.Parse(path, source, policy.Options{Catalog: seccomp.Catalog(), Dir: "/", Variables: map[string]string{"POLICY_DIR": "/"}})
	if pol == nil || ds.HasErrors() {
		return fmt.Errorf("parse %s: %v", path, ds)
	}
	s, err := takeTurns(b.rounds(50), contender{fmt.Sprintf("simulate %d lines", traceLines), func() (time.Duration, error) {
		begin := time.Now()
		decision, err := seccomp.Resolve(pol.Modules[0].Seccomp)
		if err != nil {
			return 0, err
		}
		arch := call.On(seccomp.Native())
		report := trace.Simulate(trace.Read(bytes.NewReader(text), arch), decision, arch)
		err = report.Render(io.Discard, trace.Names{Trace: "nginx.strace", Policy: "nginx.yaml"})
		took := time.Since(begin)
		if report.Calls < traceLines*9/10 {
			return 0, fmt.Errorf("%d calls were read of %d lines", report.Calls, traceLines)
		}
		return took, err
	}})
	if err != nil {
		return err
	}
	figure("simulate_2000_ms", s[0].median(), 50)
	return nil
}

// longTrace returns a trace of traceLines lines.
func longTrace(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	lines := bytes.SplitAfter(bytes.TrimRight(text, "\n"), []byte("\n"))
	lines[len(lines)-1] = append(lines[len(lines)-1], '\n')
	var out []byte
	for i := range traceLines {
		out = append(out, lines[i%len(lines)]...)
	}
	return out, nil
}
