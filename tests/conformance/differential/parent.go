package differential

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// aloneShare: one program of so many changes its process for good, and has one of its own.
const aloneShare = 16

// Config says what to run.
type Config struct {
	Seed     uint64 // of the first program; the next one has the next
	Programs int
	Length   int      // calls in a program; 0 is 30
	Only     []string // operations to generate; empty: all
	Bug      string   // one of [Bugs] to plant in the other side
}

// Run runs programs, each worker a few hundred at a time, and stops at the first difference, which is nil when there is none.
func Run(ctx context.Context, c Config) (*Stats, *Difference, error) {
	if c.Length == 0 {
		c.Length = 30
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	jobs := make(chan job)
	go func() {
		defer close(jobs)
		const most = 250
		send := func(j job) bool {
			select {
			case jobs <- j:
				return true
			case <-ctx.Done():
				return false
			}
		}
		end := c.Seed + uint64(c.Programs)
		for from := c.Seed; from < end; {
			count := min(most, end-from)
			alone := count / aloneShare
			if !send(job{From: from, Count: count - alone, Length: c.Length, Only: c.Only, Bug: c.Bug}) {
				return
			}
			for i := range alone {
				if !send(job{From: from + count - alone + i, Count: 1, Length: c.Length, Alone: true, Only: c.Only, Bug: c.Bug}) {
					return
				}
			}
			from += count
		}
	}()

	var mu sync.Mutex
	stats := NewStats()
	var diff *Difference
	var failed error
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			for j := range jobs {
				r, err := start(ctx, j)
				mu.Lock()
				if r.Stats != nil {
					stats.Merge(r.Stats)
				}
				switch {
				case ctx.Err() != nil: // somebody else has found something
				case err != nil:
					failed = err
					stop()
				case r.Diff != nil:
					diff = r.Diff
					stop()
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	return stats, diff, failed
}

// start runs a job in a process of its own.
func start(ctx context.Context, j job) (report, error) {
	dir, err := os.MkdirTemp("/dev/shm", "bulkhead-differential-")
	if err != nil {
		return report{}, err
	}
	defer func() { _ = makeRemovable(dir); _ = os.RemoveAll(dir) }()
	if err := os.Chmod(dir, 0o755); err != nil {
		return report{}, err
	}
	j.Dir = dir
	text, err := json.Marshal(j)
	if err != nil {
		return report{}, err
	}
	exe, err := os.Executable()
	if err != nil {
		return report{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe)
	cmd.Env = append(os.Environ(), envJob+"="+string(text), envFirst+"=1")
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if os.Geteuid() == 0 {
		// Mounts, addresses and names of the programs stay theirs.
		cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWPID // what a program leaves running ends with the worker
		cmd.SysProcAttr.Unshareflags = unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS
	}
	out, err := cmd.Output()
	if err != nil {
		detail := ""
		if exit, ok := err.(*exec.ExitError); ok {
			detail = "\n" + string(exit.Stderr)
		}
		return report{}, fmt.Errorf("run programs %d to %d (alone: %v): %w%s", j.From, j.From+j.Count-1, j.Alone, err, detail)
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		return report{}, fmt.Errorf("read a worker's report: %w", err)
	}
	if r.Err != "" {
		return r, fmt.Errorf("run programs %d to %d: %s", j.From, j.From+j.Count-1, r.Err)
	}
	return r, nil
}
