package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// floodAttacks use up the supervisor itself: its memory by output, its descriptors by messages. They are made under one that stays
// (supervisor --policy), and succeed when it grows by what was thrown at it, or answers nobody any more.
func floodAttacks() []attack {
	const family = "floods"
	return []attack{
		{name: "output-flood", family: family, source: "pipe(7): who reads must not keep; CWE-770", try: floodOutput, control: asModule,
			policy: "flood", want: "bounded", layer: "manager: bounded buffers", resident: true, rootOnly: unseen},
		{name: "descriptor-flood-notify", family: family, source: "unix(7), SCM_RIGHTS: descriptors arrive unasked; sd_notify(3)", try: floodDescriptors, control: asModule,
			hook: keepDescriptors, policy: "flood", want: "bounded", layer: "manager: takes no descriptors", resident: true, rootOnly: unseen},
	}
}

const unseen = "the supervisor's processes cannot be traced by their own user, and so their descriptors not be counted"

const (
	floodBytes       = 16 << 20
	floodDatagrams   = 40
	floodDescriptor  = 200 // in each datagram, unix(7) allows 253
	boundMemory      = 12 << 20
	boundDescriptors = 100 + floodDescriptor // those of one message may be there for a moment, before they are closed
)

// floodOutput writes lines that have no end.
func floodOutput(given) (string, error) {
	b := bytes.Repeat([]byte("flood "), 10000)
	for done := 0; done < floodBytes; {
		n, err := unix.Write(1, b)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return "write", err
		}
		done += n
	}
	return fmt.Sprint(floodBytes), nil
}

// floodDescriptors sends datagrams with as many descriptors as fit to where it is to say that it is ready.
func floodDescriptors(g given) (string, error) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		path = g["notify"]
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "socket", err
	}
	defer unix.Close(fd)
	fds := make([]int, floodDescriptor)
	for i := range fds {
		fds[i] = fd
	}
	rights := unix.UnixRights(fds...)
	patience := time.Now().Add(limit / 2)
	for sent := 0; sent < floodDatagrams; sent++ {
		err := unix.Sendmsg(fd, []byte("STATUS=flood"), rights, &unix.SockaddrUnix{Name: path}, 0)
		if errors.Is(err, unix.ETOOMANYREFS) && time.Now().Before(patience) {
			time.Sleep(time.Millisecond) // so many are on their way as one may have open: the others wait until they are taken
			sent--
			continue
		}
		if err != nil {
			return fmt.Sprintf("sendmsg after %d", sent), err
		}
	}
	return fmt.Sprint(floodDatagrams * floodDescriptor), nil
}

// keepDescriptors is who receives outside: it keeps what it gets, as one does who does not expect it.
func keepDescriptors(s *stage, t *attempt) (judge, error) {
	if t.inside {
		return nil, nil
	}
	path := s.path("hidden", "notify")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), os.Chmod(path, 0o666)); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	t.props["notify"] = path
	kept := make(chan int, 1)
	go func() {
		var all []int
		b, rights := make([]byte, 64), make([]byte, unix.CmsgSpace(4*floodDescriptor))
		for range floodDatagrams {
			_, n, _, _, err := unix.Recvmsg(fd, b, rights, unix.MSG_CMSG_CLOEXEC)
			if err != nil {
				break
			}
			messages, err := unix.ParseSocketControlMessage(rights[:n])
			if err != nil {
				break
			}
			for _, m := range messages {
				if fds, err := unix.ParseUnixRights(&m); err == nil {
					all = append(all, fds...)
				}
			}
		}
		for _, f := range all {
			_ = unix.Close(f)
		}
		kept <- len(all)
	}()
	return func(o outcome) outcome {
		_ = unix.Shutdown(fd, unix.SHUT_RDWR) // wakes the receiver, should it still wait
		n := <-kept
		_ = errors.Join(unix.Close(fd), os.Remove(path))
		if n < boundDescriptors && o.answer == "ok" {
			return outcome{"error", fmt.Sprintf("only %d descriptors arrived", n)}
		}
		return o
	}, nil
}

// underResident makes an attack as the module of a supervisor that stays, and looks at that one.
func (s *stage) underResident(a *attack, name string) outcome {
	done := s.path("write", "done")
	defer os.Remove(done)
	s.variables = []string{"${ATTACK}", a.name, "${DONE}", done}
	defer func() { s.variables = nil }()
	path, err := s.policy(name)
	if err != nil {
		return outcome{"error", err.Error()}
	}
	delete(s.policies, name) // it is written for one attack
	control := s.path("home", "control.sock")
	cmd := exec.Command(s.supervisor, "--policy", path, "--control", control, "--log-level", "error")
	cmd.Env, cmd.Dir = s.environment(), "/"
	attributes(cmd).Pdeathsig = syscall.SIGKILL
	if err := cmd.Start(); err != nil { // its output is nobody's: /dev/null
		return outcome{"error", err.Error()}
	}
	s.supervisors = append(s.supervisors, cmd.Process.Pid)
	out := s.watch(cmd.Process.Pid, control, done)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	stop := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
	defer stop.Stop()
	if err := cmd.Wait(); err != nil && out.answer == "bounded" {
		return outcome{"error", "the supervisor ended with " + err.Error()}
	}
	return out
}

// resident is the module: it makes the attack, writes down what came of it, and stays until it is ended.
func resident(args []string) int {
	for _, a := range attacks() {
		if a.name != args[0] {
			continue
		}
		detail, err := onOwnThread(a.try, given{"inside": "true"})
		text := answer(err)
		if err != nil {
			text += " " + detail
		}
		if err := os.WriteFile(args[1]+".part", []byte(text), 0o600); err != nil {
			return 1
		}
		if err := os.Rename(args[1]+".part", args[1]); err != nil {
			return 1
		}
		time.Sleep(limit)
	}
	return 1
}

// watch waits until the attack says that it is over, and looks at the most that the supervisor's processes have had.
func (s *stage) watch(pid int, control, done string) outcome {
	deadline := time.Now().Add(limit)
	memory, descriptors, processes := 0, 0, 0
	for over := false; !over; {
		if time.Now().After(deadline) {
			return outcome{"timeout", limit.String()}
		}
		_, err := os.Stat(done)
		over = err == nil
		own := family(pid)
		m, d := size(own)
		processes = max(processes, len(own))
		memory, descriptors = max(memory, m), max(descriptors, d)
		time.Sleep(20 * time.Millisecond)
	}
	detail := fmt.Sprintf("%d processes, at most %d MiB and %d descriptors", processes, memory>>20, descriptors)
	text, err := os.ReadFile(done)
	if err != nil {
		return outcome{"error", err.Error()}
	}
	if answer := strings.TrimSpace(string(text)); answer != "ok" {
		return outcome{answer, detail}
	}
	status := exec.Command(s.supervisor, "status", "--control", control)
	status.Env = s.environment()
	if text, err := status.CombinedOutput(); err != nil {
		return outcome{"ok", "it answers nobody: " + firstLine(string(text))}
	}
	if memory == 0 || descriptors == 0 || processes < 2 { // the spawner and the manager
		return outcome{"error", "the supervisor could not be looked at"}
	}
	if memory > boundMemory || descriptors > boundDescriptors {
		return outcome{"ok", detail}
	}
	return outcome{"bounded", detail}
}

// family is a supervisor and its own processes: those that execute the same program.
func family(pid int) []int {
	exe, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return nil
	}
	out := []int{pid}
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, path := range lists {
		text, _ := os.ReadFile(path) // a thread may have ended
		for _, child := range strings.Fields(string(text)) {
			n, _ := strconv.Atoi(child)
			if its, err := os.Stat(fmt.Sprintf("/proc/%d/exe", n)); err == nil && os.SameFile(exe, its) {
				out = append(out, n)
			}
		}
	}
	return out
}

// size returns the anonymous memory and the descriptors of the largest of processes, as far as they may be looked at.
func size(pids []int) (memory, descriptors int) {
	for _, pid := range pids {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		for line := range strings.Lines(string(status)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "RssAnon:" {
				n, _ := strconv.Atoi(f[1])
				memory = max(memory, n<<10)
			}
		}
		fds, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		descriptors = max(descriptors, len(fds))
	}
	return memory, descriptors
}
