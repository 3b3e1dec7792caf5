package kernel_test

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// traced runs several processes that talk by pipes and signals, and returns what they called in which order.
func traced(t *testing.T, seed uint64) []kernel.Call {
	t.Helper()
	var trace []kernel.Call
	k := kernel.New(kernel.Config{Seed: seed, Trace: func(c kernel.Call) { trace = append(trace, c) }})
	init := k.Init()
	r, w, err := init.Pipe2(0)
	must(t, "pipe2", err)
	var workers []posix.PID
	for i := range 6 {
		workers = append(workers, fork(t, init, func(p *kernel.Process) {
			_ = p.Sigaction(unix.SIGUSR1, kernel.Action{Restart: i%2 == 0, Handler: func(posix.SignalInfo) { p.Getpid() }})
			b := make([]byte, 1)
			for range 5 {
				if _, err := p.Write(w, []byte{byte(i)}); err != nil {
					p.Exit(1)
				}
				_, _ = p.Getrandom(b, 0)
				_ = sleep(p, time.Duration(b[0])*time.Microsecond)
				_ = p.Kill(p.Getppid(), 0)
			}
		}))
	}
	reader := fork(t, init, func(p *kernel.Process) {
		_ = p.Close(w)
		b := make([]byte, 3)
		for {
			n, err := p.Read(r, b)
			if n == 0 && err == nil {
				return
			}
			if n > 0 {
				_ = p.Kill(workers[b[0]], unix.SIGUSR1)
			}
		}
	})
	must(t, "close", init.Close(r))
	must(t, "close", init.Close(w))
	for range append(workers, reader) {
		must(t, "waitid", init.Waitid(posix.PAll, 0, &posix.WaitInfo{}, unix.WEXITED))
	}
	must(t, "close", k.Close())
	return trace
}

func TestOneSeedOneTrace(t *testing.T) {
	first := traced(t, 1)
	if len(first) < 100 {
		t.Fatalf("only %d calls", len(first))
	}
	for i := range 50 {
		if again := traced(t, 1); !slices.Equal(first, again) {
			at := 0
			for at < len(first) && at < len(again) && first[at] == again[at] {
				at++
			}
			t.Fatalf("run %d differs from call %d on: %d and %d calls", i, at, len(first), len(again))
		}
	}
	others := 0
	for seed := range uint64(10) {
		if !slices.Equal(first, traced(t, seed+2)) {
			others++
		}
	}
	if others < 9 {
		t.Errorf("only %d of 10 other seeds have another trace", others)
	}
}
