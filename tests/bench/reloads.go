package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/tests/load"
)

// servicePolicy is our web service on an inherited socket. %[1]s is the program, %[2]s the address, %[3]d what changes.
const servicePolicy = `
  service:
    command: ["%[1]s", -ready, now]
    user: daemon
    environment: {SERVICE_VERSION: "%[3]d"}
    listeners: {http: 3}
    healthcheck: {notify: true, start_period: 10s}
    update_config: {order: start-first}
    restart: {policy: on-failure}
    stop_grace_period: 20s
    namespaces: [mount, pid, ipc, uts, cgroup, network]
    network: {mode: none}
    filesystem: [{path: "%[1]s", access: rx}]
    resources: {memory.max: 256M, pids.max: 64}
    best_effort: [resources]
    rlimits: {nofile: 4096}
    seccomp:
      allow:
        - "@default"
        - [clone, clone3, rt_sigaction, rt_sigprocmask, sigaltstack, tgkill, madvise, epoll_create1, epoll_ctl, epoll_pwait, eventfd2, accept4]
        - [getsockname, getpeername, getsockopt, setsockopt, recvfrom, sendto, read, write, close, fcntl, fstat, openat, pread64, uname, socket, connect, shutdown]
      deny: [execve, execveat]
`

// idlePolicy is a module that does nothing. %[1]d numbers it.
const idlePolicy = `
  idle%[1]d:
    extends: idle
`

const idleProfile = `
profiles:
  idle:
    command: [/usr/bin/sleep, infinity]
    user: daemon
    restart: {policy: on-failure}
    namespaces: [mount, pid, ipc, uts, cgroup, network]
    network: {mode: none}
    filesystem: [{path: /usr, access: rx}, {path: /lib, access: rx}, {path: /lib64, access: rx, if_exists: true}]
    resources: {memory.max: 64M, pids.max: 8}
    best_effort: [resources]
    seccomp:
      allow: ["@default", "@basic-io", "@file-system"]
      deny: [execve, execveat]
`

// manyModules returns a policy of n modules: the service, and others that do nothing.
func manyModules(n int, program, address string, version int) string {
	var t strings.Builder
	fmt.Fprintf(&t, "version: 1\nlisteners: {http: {address: %q, backlog: 4096}}\n", address)
	if n > 1 {
		t.WriteString(idleProfile)
	}
	t.WriteString("modules:\n")
	fmt.Fprintf(&t, servicePolicy, program, address, version)
	for i := range n - 1 {
		fmt.Fprintf(&t, idlePolicy, i+1)
	}
	return t.String()
}

// service builds the web service of tests/service.
func (b *bench) service() (string, error) {
	out := filepath.Join(b.dir, "service")
	cmd := exec.Command("go", "build", "-o", out, "./tests/service")
	if given := os.Getenv("GO"); given != "" {
		cmd = exec.Command(given, cmd.Args[1:]...)
	}
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the web service: %w\n%s", err, text)
	}
	return out, nil
}

// freeAddress returns an address of this host that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// reloads replaces a service again and again while clients ask it.
func (b *bench) reloads() (err error) {
	program, err := b.service()
	if err != nil {
		return err
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	version := 1
	r, err := b.resident("reloads", manyModules(1, program, address, version))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.end()) }()

	var requests, failed int64
	answerers := map[string]bool{}
	count := 0
	for _, keep := range []bool{true, false} {
		done := make(chan error, 1)
		var res *load.Result
		go func() {
			var err error
			res, err = load.Run(context.Background(), load.Options{Address: address, Workers: 16, Count: int64(b.rounds(110_000)), KeepAlive: keep,
				Path: "/echo", BodySize: 64, EchoBody: true})
			done <- err
		}()
		n, err := r.reloads(done, func() string {
			version++
			return manyModules(1, program, address, version)
		})
		if err != nil {
			return err
		}
		count += n
		fmt.Printf("  %s\n", res)
		requests, failed = requests+res.Requests, failed+res.Failed()
		for _, who := range res.Answerers() {
			answerers[who] = true
		}
	}
	fmt.Printf("  %d requests during %d reloads, answered by %d instances\n", requests, count, len(answerers))
	figure("failed_requests", float64(failed), 0)
	if failed > 0 {
		fmt.Println("missed: failed_requests want 0")
	}
	return b.nginx()
}

// nginx replaces Debian's nginx under wrk, with and without keep-alive.
func (b *bench) nginx() (err error) {
	text, err := os.ReadFile("policies/nginx.yaml")
	if err != nil {
		return err
	}
	conf, err := os.ReadFile("policies/nginx/nginx.conf")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(b.dir, "nginx"), 0o755); err != nil {
		return err
	}
	if _, err := b.write("nginx/nginx.conf", conf, 0o644); err != nil {
		return err
	}
	version := func(n int) string {
		return strings.Replace(string(text), "LANG: C.UTF-8", fmt.Sprintf("LANG: C.UTF-8, N: \"%d\"", n), 1)
	}
	r, err := b.resident("nginx-reloads", version(0))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.end()) }()
	n := 0
	for _, keep := range []bool{false, true} {
		done := make(chan error, 1)
		var res load.WrkResult
		go func() {
			var err error
			res, err = load.RunWrk(context.Background(), load.WrkOptions{URL: "http://127.0.0.1:8088/", Connections: 16, For: 8 * time.Second, KeepAlive: keep})
			done <- err
		}()
		count, err := r.reloads(done, func() string {
			n++
			return version(n)
		})
		if err != nil {
			return err
		}
		name := map[bool]string{false: "nginx_close_failed_requests", true: "nginx_keepalive_failed_requests"}[keep]
		fmt.Printf("  nginx: %d requests, %d reloads\n", res.Requests, count)
		figure(name, float64(res.Failed()), 0)
	}
	return nil
}

// residents measures a supervisor of many modules: its reloads, its idleness, its manager's death.
func (b *bench) residents() (err error) {
	const modules = 100
	program, err := b.service()
	if err != nil {
		return err
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	begin := time.Now()
	r, err := b.resident("residents", manyModules(modules, program, address, 1))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.end()) }()
	fmt.Printf("  %d modules were started in %s\n", modules, time.Since(begin).Round(time.Millisecond))

	if err := b.idle(r); err != nil {
		return err
	}
	version := 1
	changed, err := takeTurns(b.rounds(10), contender{"reload, one module changed", func() (time.Duration, error) {
		version++
		if err := r.rewrite(manyModules(modules, program, address, version)); err != nil {
			return 0, err
		}
		return r.reload()
	}}, contender{"reload, nothing changed", r.reload})
	if err != nil {
		return err
	}
	figure("reload_ms", changed[0].median(), 0)
	figure("reload_unchanged_ms", changed[1].median(), 0)

	// A manager that lived for less than ten seconds is started after a longer and longer delay.
	var times []time.Duration
	for range b.rounds(5) {
		time.Sleep(11 * time.Second)
		s, err := r.await(func(api.Status) bool { return true })
		if err != nil {
			return err
		}
		begin := time.Now()
		if err := unix.Kill(s.Manager.PID, unix.SIGKILL); err != nil {
			return err
		}
		after, err := r.await(func(now api.Status) bool { return now.Manager.PID != s.Manager.PID && now.State == "running" })
		if err != nil {
			return err
		}
		times = append(times, time.Since(begin))
		if err := samePIDs(s, after); err != nil {
			return err
		}
	}
	slices.Sort(times)
	figure("manager_recovery_ms", float64(times[len(times)-1])/float64(time.Millisecond), 1000)
	return nil
}

// samePIDs reports a module that was disturbed.
func samePIDs(before, after api.Status) error {
	pids := func(s api.Status) string {
		var t strings.Builder
		for _, m := range s.Modules {
			for _, i := range m.Instances {
				fmt.Fprintf(&t, "%s=%d ", m.Name, i.PID)
			}
		}
		return t.String()
	}
	if pids(before) != pids(after) {
		return fmt.Errorf("the manager's death disturbed modules: %s, then %s", pids(before), pids(after))
	}
	return nil
}

// idle measures what the spawner and the manager use when nothing happens.
func (b *bench) idle(r *resident) error {
	s, err := r.await(func(api.Status) bool { return true })
	if err != nil {
		return err
	}
	used := func() (time.Duration, error) {
		var sum time.Duration
		for _, pid := range []int{s.PID, s.Manager.PID} {
			p, err := readProcess(pid)
			if err != nil {
				return 0, err
			}
			sum += p.cpu
		}
		return sum, nil
	}
	time.Sleep(2 * time.Second) // what the start left to do
	before, err := used()
	if err != nil {
		return err
	}
	const span = 30 * time.Second
	time.Sleep(span)
	after, err := used()
	if err != nil {
		return err
	}
	figure("idle_cpu_percent", 100*float64(after-before)/float64(span), 0.2)
	for _, p := range []struct {
		name string
		pid  int
	}{{"spawner", s.PID}, {"manager", s.Manager.PID}} {
		f, err := readFootprint(p.pid)
		if err != nil {
			return err
		}
		fmt.Printf("  %-16s %s\n", p.name, f)
	}
	return nil
}

// memory measures all processes of ours with the demo.
func (b *bench) memory() (err error) {
	r, err := b.resident("memory", "embedded:demo")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.end()) }()
	time.Sleep(3 * time.Second)
	s, err := r.await(func(api.Status) bool { return true })
	if err != nil {
		return err
	}
	all, err := family(s.PID)
	if err != nil {
		return err
	}
	var resident, proportional int64
	for _, p := range all {
		f, err := readFootprint(p.pid)
		if err != nil {
			return err
		}
		fmt.Printf("  %-16s %s\n", p.name, f)
		resident, proportional = resident+f.resident, proportional+f.proportional
	}
	figure("rss_mib", float64(resident)/(1<<20), 45)
	figure("pss_mib", float64(proportional)/(1<<20), 0)
	return nil
}
