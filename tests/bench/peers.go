package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner"
)

// peersPolicy is launchPolicy with a few calls more, so that the filter allows as many as the comparison asks for.
var peersPolicy = strings.Replace(launchPolicy, `allow: ["@system-service"]`, `allow: ["@system-service", "@swap"]`, 1)

// leastPeerCalls is how many calls the filter of all contenders must allow.
const leastPeerCalls = 300

// spawns measures launches, from the request until the end of the process was seen, as it is measured for all others.
func (b *bench) spawns() (err error) {
	n, err := b.lane()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	w, err := b.workload(peersPolicy, n.launcher)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if w.calls < leastPeerCalls {
		return fmt.Errorf("the filter allows %d calls, want at least %d", w.calls, leastPeerCalls)
	}
	bare := command{argv: []string{w.path}, filter: -1}
	bwrap := contender{"bwrap", b.starter(w.theirs.child(b.null))}
	s, err := takeTurns(b.rounds(300), contender{"bulkhead, steady", n.on(w.steady)}, contender{"bulkhead, first", n.on(w.first)}, bwrap,
		contender{"bare vfork and exec", b.starter(bare.child(b.null))}, contender{"bulkhead, all of it", n.on(w.whole)})
	if err != nil {
		return err
	}
	theirs := s[2].median()
	figure("steady_spawn_vs_bwrap", s[0].median()/theirs, 0.18)
	figure("first_spawn_vs_bwrap", s[1].median()/theirs, 0.4)
	figure("bare_vs_bwrap", s[3].median()/theirs, 0)
	figure("whole_spawn_vs_bwrap", s[4].median()/theirs, 0)

	others := []contender{bwrap}
	one, err := b.oneVersion()
	if err != nil {
		return err
	}
	if one != 0 {
		defer func() { err = errors.Join(err, b.kernel.Close(one)) }()
	}
	all, err := b.others(w, one)
	if err != nil {
		return err
	}
	for _, o := range all {
		if _, err := o.once(); err != nil {
			fmt.Printf("  %s: not measured: %v\n", o.name, err)
			continue
		}
		others = append(others, o)
	}
	if s, err = takeTurns(b.rounds(50), others...); err != nil {
		return err
	}
	for _, o := range s[1:] {
		figure(o.name+"_vs_bwrap", o.median()/s[0].median(), 0)
	}
	return nil
}

// steady launches an instance of which the rest is there, as the supervisor has it when it launches a module again. What is made ahead is made
// before the clock runs, and what is left is removed when it has stopped.
func (w *workload) steady() (took time.Duration, err error) {
	a, err := w.host.Ahead(&w.module, w.id())
	switch {
	case errors.Is(err, posix.Errno(unix.EAGAIN)): // files were renamed all the time; the supervisor launches without, too
		w.stale++
		return w.first()
	case err != nil:
		return 0, err
	}
	return w.seen(func() (*spawner.Instance, error) {
		if !a.Current() { // as the supervisor does it: the clock runs
			w.stale++
			if err := a.Abandon(); err != nil {
				return nil, err
			}
			return w.host.Start(&w.module, w.id(), w.stdio(), nil)
		}
		return w.host.StartAhead(a, w.stdio(), nil)
	})
}

// first launches an instance for which nothing was made.
func (w *workload) first() (time.Duration, error) {
	return w.seen(func() (*spawner.Instance, error) { return w.host.Start(&w.module, w.id(), w.stdio(), nil) })
}

// seen returns how long it takes from the request until the end of the process was seen.
func (w *workload) seen(start func() (*spawner.Instance, error)) (time.Duration, error) {
	begin := time.Now()
	i, err := start()
	if err != nil {
		return 0, err
	}
	var info posix.WaitInfo
	err = w.b.kernel.Waitid(posix.PPidfd, int(i.Pidfd), &info, unix.WEXITED|unix.WNOWAIT)
	took := time.Since(begin)
	return took, errors.Join(err, finish(i))
}

// whole makes an instance, launches it and removes everything, one after the other.
func (w *workload) whole() (time.Duration, error) {
	begin := time.Now()
	_, err := w.steady()
	return time.Since(begin), err
}

// growth launches instances until something that is not given back would show.
func (b *bench) growth() (err error) {
	n, err := b.lane()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	w, err := b.workload(peersPolicy, n.launcher)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	all := b.rounds(10_000)
	part := max(all/10, 1)
	var ends [2]series
	once := n.on(w.steady)
	for i := range all {
		took, err := once()
		if err != nil {
			return fmt.Errorf("launch %d of %d: %w", i+1, all, err)
		}
		if i < part {
			ends[0].times = append(ends[0].times, took)
		}
		if i >= all-part {
			ends[1].times = append(ends[1].times, took)
		}
	}
	for i := range ends {
		ends[i].sort()
	}
	fmt.Printf("  %d launches: the first %d %s, the last %d %s; %d times what was made ahead was not used\n", all, part,
		micros(ends[0].percentile(50)), part, micros(ends[1].percentile(50)), w.stale)
	figure("growth_10000", ends[1].median()/ends[0].median(), 1.1)
	return nil
}

// sleepers is a policy of many instances that do nothing.
const sleepers = `version: 1
modules:
  sleeper:
    command: [/usr/bin/sleep, infinity]
    user: nobody
    replicas: %d
    namespaces: [mount, pid, ipc, uts, cgroup, network]
    network: {mode: none}
    capabilities: []
    filesystem: [{path: /usr, access: rx}, {path: /lib, access: rx}, {path: /lib64, access: rx, if_exists: true}]
    resources: {pids.max: 16}
    seccomp: {allow: ["@system-service"]}
`

// thousand measures what the supervisor takes for a thousand instances.
func (b *bench) thousand() (err error) {
	n := b.rounds(1000)
	begin := time.Now()
	r, err := b.resident("sleepers", fmt.Sprintf(sleepers, n))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.end()) }()
	fmt.Printf("  %d instances were started in %s\n", n, time.Since(begin).Round(time.Millisecond))
	time.Sleep(15 * time.Second) // until what was made ahead is gone, and the processes rest
	all, err := family(r.cmd.Process.Pid)
	if err != nil {
		return err
	}
	kinds := map[string]*footprint{}
	counts := map[string]int{}
	var sum footprint
	for _, p := range all {
		f, err := readFootprint(p.pid)
		if err != nil {
			return err
		}
		if counts[p.name]++; kinds[p.name] == nil {
			kinds[p.name] = &footprint{}
		}
		kinds[p.name].add(f)
		if p.name != "sleep" {
			sum.add(f)
		}
	}
	if counts["sleep"] != n {
		return fmt.Errorf("%d of %d instances are there: %v", counts["sleep"], n, counts)
	}
	for name, f := range kinds {
		fmt.Printf("  %-16s %5d %s\n", name, counts[name], f)
	}
	figure("rss_1000_mib", float64(sum.resident)/(1<<20), 60)
	figure("pss_1000_mib", float64(sum.proportional)/(1<<20), 0)
	return nil
}

// stock is what may be left behind.
func (b *bench) stock() (map[string]bool, error) {
	out := map[string]bool{}
	all, err := family(os.Getpid())
	if err != nil {
		return nil, err
	}
	for _, p := range all[1:] {
		out[fmt.Sprintf("process %d (%s)", p.pid, p.name)] = true
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, "/run/firejail/") { // firejail makes them once, and leaves them
			continue
		}
		out["mount "+strings.TrimSpace(line)] = true
	}
	for _, pattern := range []string{fmt.Sprintf("/sys/fs/cgroup/*bulkhead-%d-*", os.Getpid()), fmt.Sprintf("/sys/fs/cgroup/*/bulkhead-%d-*", os.Getpid()),
		"/sys/fs/cgroup/*/bulkhead-bench-*", "/sys/fs/cgroup/bulkhead-bench-*", "/proc/self/fd/*"} {
		if err := globInto(out, pattern); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// leftBehind counts what is there now and was not before.
func (b *bench) leftBehind(before map[string]bool) error {
	after, err := b.stock()
	if err != nil {
		return err
	}
	left := 0
	for what := range after {
		if !before[what] {
			fmt.Println("  left behind:", what)
			left++
		}
	}
	figure("left_behind", float64(left), 0)
	if left > 0 {
		fmt.Println("missed: left_behind want 0")
	}
	return nil
}
