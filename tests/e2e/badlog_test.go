package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
)

// kilobytes returns a line of /proc/PID/status, such as VmHWM.
func kilobytes(t testing.TB, pid int, key string) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == key+":" {
			n, err := strconv.Atoi(fields[1])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("/proc/%d/status has no %s", pid, key)
	return 0
}

// TestFloodedLog: of a hundred thousand lines none is lost, nobody else's are late, and the manager stays small.
func TestFloodedLog(t *testing.T) {
	t.Parallel()
	const lines = 100_000
	w := newWeb(t)
	w.modules = []module{{name: "clock", command: []string{place.victim, "ticks:20ms"}}}
	p := supervisor(t, "--policy", writePolicy(t, w.text()), "--log-format", "json").start(t)
	manager := p.becomes(t, "every instance is ready", allReady).Manager.PID
	if status, text := misbehave(t, w.address, fmt.Sprintf("flood=%d", lines)); status != 200 {
		t.Fatalf("flood: %d %s", status, text)
	}
	p.logged(t, "service", fmt.Sprintf("flood %d of %d", lines, lines))
	after := p.status(t)
	if after.Manager.PID != manager {
		t.Errorf("the manager is process %d, and was %d", after.Manager.PID, manager)
	}
	if most := kilobytes(t, manager, "VmHWM"); most > 64<<10 {
		t.Errorf("the manager had %d KiB, want at most 64 MiB", most)
	}
	p.stop(t, unix.SIGTERM)

	flooded, ticks, late := 0, 0, time.Duration(0)
	for line := range strings.Lines(p.stdout.String()) {
		var l struct {
			Time         time.Time
			Module, Line string
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%.200q: %v", line, err)
		}
		switch l.Module {
		case "service":
			if strings.Contains(l.Line, "flood ") {
				if flooded++; l.Line != fmt.Sprintf("service: flood %d of %d", flooded, lines) && l.Line != fmt.Sprintf("flood %d of %d", flooded, lines) {
					t.Fatalf("line %d of the flood is %q", flooded, l.Line)
				}
			}
		case "clock":
			text, ok := strings.CutPrefix(l.Line, "tick ")
			if !ok {
				continue
			}
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				t.Fatalf("%q: %v", l.Line, err)
			}
			ticks++
			late = max(late, l.Time.Sub(time.Unix(0, n)))
		}
	}
	if flooded != lines {
		t.Errorf("%d lines came out, want %d", flooded, lines)
	}
	if ticks < 5 || late > time.Second {
		t.Errorf("of %d lines of the other one was late by %v, want at most a second", ticks, late)
	}
}

// TestFullLog: where the log goes there is no room. That is an event, and nobody waits for it.
func TestFullLog(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	w := newWeb(t)
	p := supervisor(t, "--policy", writePolicy(t, w.text()))
	p.Stdout = full
	p.start(t)
	p.becomes(t, "every instance is ready", allReady)
	if status, text := misbehave(t, w.address, "flood=20000"); status != 200 {
		t.Fatalf("flood: %d %s", status, text)
	}
	p.logged(t, "service", "flood 20000 of 20000") // for those who ask for it, it is there
	events := p.events(t)
	wantsEvent(t, events, "log.lost", "cannot be written to standard output", "no space left on device")
	if n := count(events, "log.lost"); n != 1 {
		t.Errorf("%d events say so, want 1", n)
	}
	if r := p.stop(t, unix.SIGTERM); !strings.Contains(r.stderr, "no space left on device") {
		t.Errorf("the error output does not say so:\n%s", r.stderr)
	}
}

// TestLostLog: nobody can read the log any more, and then somebody can again, who is told what is missing.
func TestLostLog(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "log")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(flags int) *os.File {
		f, err := os.OpenFile(fifo, flags|unix.O_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	reader := open(os.O_RDONLY)
	writer := open(os.O_WRONLY)
	if _, err := unix.FcntlInt(writer.Fd(), unix.F_SETFL, 0); err != nil {
		t.Fatal(err)
	}
	w := newWeb(t)
	p := supervisor(t, "--policy", writePolicy(t, w.text()))
	p.Stdout = writer
	p.start(t)
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	p.becomes(t, "every instance is ready", allReady)
	// A process of its own opens the pipe again, so that this one need not block.
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	const lost = 500
	if status, text := misbehave(t, w.address, fmt.Sprintf("flood=%d", lost)); status != 200 {
		t.Fatalf("flood: %d %s", status, text)
	}
	p.logged(t, "service", fmt.Sprintf("flood %d of %d", lost, lost))
	wantsEvent(t, p.events(t), "log.lost", "standard output", "broken pipe")

	reader = open(os.O_RDONLY)
	defer reader.Close()
	found := make(chan string, 1)
	go func() {
		in := bufio.NewScanner(reader)
		for in.Scan() {
			if strings.Contains(in.Text(), "flood 3 of 3") {
				found <- in.Text()
				return
			}
		}
		found <- fmt.Sprintf("the end of the pipe: %v", in.Err())
	}()
	if status, text := misbehave(t, w.address, "flood=3"); status != 200 {
		t.Fatalf("flood: %d %s", status, text)
	}
	if got := <-found; !strings.HasPrefix(got, "service | ") {
		t.Errorf("%q came, want the last line", got)
	}
	waitFor(t, "the log has recovered", func() bool { return count(p.events(t), "log.recovered") == 1 })
	// Of the three lines the first ones may come before the pipe is tried again.
	if !slices.ContainsFunc(p.events(t), func(e api.Event) bool {
		_, counted, _ := strings.Cut(e.Text, "; ")
		var n int
		_, err := fmt.Sscanf(counted, "%d lines were lost", &n)
		return e.Kind == "log.recovered" && err == nil && n >= lost && n < lost+3
	}) {
		t.Errorf("no event log.recovered of %d lines; there are %v", lost, p.events(t))
	}
	go func() { _, _ = io.Copy(io.Discard, reader) }() // what comes at the end
	p.stop(t, unix.SIGTERM)
}

// TestUnreadLog: an output of the supervisor is a pipe that nobody reads. It can be asked and told what to do all the same, and it ends.
func TestUnreadLog(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		stdout, stderr bool // which of them is the pipe
		to             string
	}{
		{"standard output", true, false, ""},
		{"standard error", false, true, " >&2"},
		{"both", true, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWeb(t)
			w.modules = []module{{name: "loud", command: []string{"/bin/sh", "-c", "while :; do echo 0123456789012345678901234567890123456789012345678901234567890123456789; done" + c.to},
				lines: []string{"user: games", "stop_grace_period: 300ms"}, files: []string{"{path: /usr, access: rx}", "{path: /bin, access: rx}", "{path: /lib, access: rx}", "{path: /lib64, access: rx, if_exists: true}"}}}
			p := supervisor(t, "--policy", writePolicy(t, w.text()))
			r, out, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if c.stdout {
				p.Stdout = out
			}
			if c.stderr {
				p.Stderr = out
			}
			defer out.Close()
			p.start(t)
			s := p.becomes(t, "every instance is ready", allReady)
			waitFor(t, "the pipe is full", func() bool { return filled(t, out) })
			visit(t, w.address)
			p.ask(t, "restart", "service").run(t).wants(t, 0)
			now := p.becomes(t, "the service is another one", func(now api.Status) bool { return allReady(now) && pids(now)["service[0]"] != pids(s)["service[0]"] })
			if now.Manager.PID != s.Manager.PID {
				t.Errorf("the manager is process %d, and was %d", now.Manager.PID, s.Manager.PID)
			}
			if err := unix.Kill(now.Manager.PID, unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			after := p.becomes(t, "there is another manager", func(after api.Status) bool { return after.Manager.PID != now.Manager.PID && allReady(after) })
			samePIDs(t, now, after)
			p.signal(t, unix.SIGTERM)
			select {
			case <-p.done:
			case <-time.After(15 * time.Second):
				t.Fatal("it does not end because nobody reads what it says")
			}
			p.leavesNothing(t)
		})
	}
}

// filled tells whether a pipe, of which w is the writing end, takes no more.
func filled(t testing.TB, w *os.File) bool {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(w.Fd()), Events: unix.POLLOUT}}
	n, err := unix.Poll(fds, 0)
	if err != nil && !errors.Is(err, unix.EINTR) {
		t.Fatal(err)
	}
	return err == nil && n == 0
}
