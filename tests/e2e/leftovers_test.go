package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// stock is what could be left behind.
type stock struct {
	mounts []string // lines of mountinfo
	groups []string // directories of control groups whose supervisor is not there any more
}

func takeStock() (stock, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return stock{}, err
	}
	s := stock{mounts: strings.Split(strings.TrimSpace(string(text)), "\n")}
	for _, line := range s.mounts {
		mount, kind, _ := strings.Cut(line, " - ")
		if !strings.HasPrefix(kind, "cgroup") {
			continue
		}
		s.groups = append(s.groups, groupsBelow(strings.Fields(mount)[4])...)
	}
	return s, nil
}

// groupsBelow finds the top directories of supervisors that have ended. Their names end with the pid, the start time and the
// pid namespace.
func groupsBelow(mount string) []string {
	var out []string
	_ = filepath.WalkDir(mount, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil // it went away
		}
		rest, ours := strings.CutPrefix(d.Name(), "bulkhead-")
		if !ours {
			return nil
		}
		pid, _, _ := strings.Cut(rest, "-")
		if _, err := os.Stat("/proc/" + pid); err != nil {
			out = append(out, path)
		}
		return filepath.SkipDir
	})
	return out
}

// leftovers says what there is that was not there before. What is on its way out gets time for it.
func leftovers(before stock) []string {
	deadline := time.Now().Add(limit / 4)
	for {
		reapOrphans()
		left := descendants(os.Getpid())
		now, err := takeStock()
		if err != nil {
			return append(left, err.Error())
		}
		for _, m := range now.mounts {
			if !slices.Contains(before.mounts, m) {
				left = append(left, "mount "+m)
			}
		}
		for _, g := range now.groups {
			if !slices.Contains(before.groups, g) {
				left = append(left, "control group "+g)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// reapOrphans takes leave of what died after its parent.
func reapOrphans() {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if pid <= 0 && err != unix.EINTR {
			return
		}
	}
}

// process is what /proc/PID/stat and cmdline say.
type process struct {
	pid, parent int
	state       string
	command     string
}

func (p process) String() string {
	return fmt.Sprintf("process %d (parent %d, state %s): %s", p.pid, p.parent, p.state, p.command)
}

// allProcesses lists the processes of the host.
func allProcesses() []process {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	var out []process
	for _, dir := range dirs {
		stat, err := os.ReadFile(dir + "/stat")
		if err != nil {
			continue // it has ended
		}
		// The name of the program, in parentheses, may contain anything.
		name, rest, _ := strings.Cut(string(stat), "(")
		at := strings.LastIndexByte(rest, ')')
		fields := strings.Fields(rest[at+1:])
		p := process{state: fields[0], command: rest[:at]}
		p.pid, _ = strconv.Atoi(strings.TrimSpace(name))
		p.parent, _ = strconv.Atoi(fields[1])
		if cmdline, err := os.ReadFile(dir + "/cmdline"); err == nil && len(cmdline) > 0 {
			p.command = strings.TrimSpace(strings.ReplaceAll(string(cmdline), "\x00", " "))
		}
		out = append(out, p)
	}
	return out
}

// descendants describes the processes that come from pid.
func descendants(pid int) []string {
	all := allProcesses()
	family := map[int]bool{pid: true}
	var out []string
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if family[p.parent] && !family[p.pid] {
				family[p.pid], grown = true, true
				out = append(out, p.String())
			}
		}
	}
	return out
}

// running returns the processes of the host with a word in their command line.
func running(word string) []process {
	return slices.DeleteFunc(allProcesses(), func(p process) bool { return p.state == "Z" || !strings.Contains(p.command, word) })
}
