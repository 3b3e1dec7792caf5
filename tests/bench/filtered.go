package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/posix/linux"
)

// filteredRole is a process that loads the filter which it reads, and says how many nanoseconds that took or, when it is told the number
// of a call, its first argument and what it fails with, how many callBatch of them take.
const filteredRole = "role:filtered"

// callBatch is how many calls are measured at once.
const callBatch = 2000

// filtered starts such a process, and returns what it said.
func filtered(filter []byte, call ...string) (time.Duration, error) {
	cmd := exec.Command("/proc/self/exe", append([]string{filteredRole}, call...)...)
	cmd.Stdin = bytes.NewReader(filter)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("a process with a filter: %w", err)
	}
	ns, err := strconv.ParseInt(string(out), 10, 64)
	return time.Duration(ns), err
}

// serveFiltered is that process.
func serveFiltered(args []string) error {
	runtime.LockOSThread() // the filter is this thread's
	kernel := linux.New()
	bytes, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	if _, err := kernel.Prctl(posix.PrctlArgs{Op: unix.PR_SET_NO_NEW_PRIVS, Arg2: 1}); err != nil {
		return err
	}
	var took time.Duration
	if len(bytes) > 0 {
		program, err := bpf.Decode(bytes)
		if err != nil {
			return err
		}
		raw := make([]posix.SockFilter, len(program))
		for i, in := range program {
			raw[i] = posix.SockFilter{Code: in.Code, Jt: in.JT, Jf: in.JF, K: in.K}
		}
		begin := time.Now()
		_, err = kernel.SeccompSetModeFilter(0, raw)
		took = time.Since(begin)
		if err != nil {
			return err
		}
	}
	if len(args) > 0 {
		if took, err = timeCalls(args); err != nil {
			return err
		}
	}
	_, err = fmt.Print(took.Nanoseconds())
	return err
}

// timeCalls returns how long a batch of calls takes, the median of several.
func timeCalls(args []string) (time.Duration, error) {
	var n [3]uintptr
	for i := range n {
		v, err := strconv.ParseUint(args[i], 10, 64)
		if err != nil {
			return 0, err
		}
		n[i] = uintptr(v)
	}
	var times []time.Duration
	for range 15 {
		begin := time.Now()
		for range callBatch {
			if _, _, errno := unix.RawSyscall(n[0], n[1], 0, 0); uintptr(errno) != n[2] {
				return 0, fmt.Errorf("call %d: %v, want %v", n[0], errno, unix.Errno(n[2]))
			}
		}
		times = append(times, time.Since(begin))
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}
