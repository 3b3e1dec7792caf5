package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// execLocked prepares a shell script under the shipped policy for any command, with further flags.
func execLocked(t *testing.T, script string, flags ...string) *program {
	t.Helper()
	args := append([]string{"exec", "--policy", shipped("examples/locked")}, flags...)
	return supervisor(t, append(args, "--", "/bin/sh", "-c", script)...)
}

func TestExecOverrides(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	writeFile(t, filepath.Join(dir, "file"), "content\n", 0o644)
	for _, c := range []struct {
		name   string
		flags  []string
		script string
		status int
		want   string // on the standard output
		says   string // on the standard error
	}{
		{name: "without", script: "cat " + dir + "/file", status: 1, says: "No such file"},
		{name: "where it is", flags: []string{"--ro-bind", dir}, script: "cat " + dir + "/file", want: "content\n"},
		{name: "elsewhere", flags: []string{"--ro-bind", dir + ":/in"}, script: "cat /in/file; ls " + dir, status: 2, want: "content\n", says: "No such file"},
		{name: "read only", flags: []string{"--ro-bind", dir + ":/in"}, script: "echo x >/in/file", status: 2, says: "Read-only"},
		{name: "no execution", flags: []string{"--bind", "/usr/bin/true:/in/true:rw"}, script: "/in/true", status: 126, says: "ermission denied"},
		{name: "execution", flags: []string{"--bind", "/usr/bin/true:/in/true:rx"}, script: "/in/true"},
		{name: "over an entry of the policy", flags: []string{"--ro-bind", dir + ":/tmp"}, script: "ls /tmp; touch /tmp/x", status: 1, want: "file\n", says: "Read-only"},
		{name: "memory", flags: []string{"--tmpfs", "/scratch:1M"}, script: "cat /usr/bin/bash /usr/bin/bash >/scratch/x", status: 1, says: "No space left"},
		{name: "variables", flags: []string{"--env", "GREETING=good $morning", "--env", "LANG=C"}, script: `echo "$GREETING $LANG"`, want: "good $morning C\n"},
		{name: "directory", flags: []string{"--working-dir", "/usr/lib"}, script: "pwd", want: "/usr/lib\n"},
		{name: "nothing there", flags: []string{"--bind", dir + "/gone:/in"}, script: "true", status: 2, says: "the host has nothing at " + dir + "/gone"},
		{name: "the host's root", flags: []string{"--ro-bind", "/"}, script: "true", status: 2, says: "would let the module see the whole host"},
		{name: "over the command's program", flags: []string{"--tmpfs", "/usr"}, script: "true", status: 126, says: "/bin/sh: filesystem has something new at /usr, which hides what the host has there"},
		{name: "no access", flags: []string{"--bind", dir + ":/in:w"}, script: "true", status: 2, says: "one of r, rx, rw, rwx"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := execLocked(t, c.script, c.flags...).run(t)
			r.wants(t, c.status)
			if r.stdout != c.want || !strings.Contains(r.stderr, c.says) {
				t.Errorf("it says\n%s%s\nwant %q and %q", r.stdout, r.stderr, c.want, c.says)
			}
		})
	}
}

// TestExecPassesDescriptors: those that were named, and no other one.
func TestExecPassesDescriptors(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	p := execLocked(t, `echo through 5 >&5; ls /proc/self/fd`, "--fd", "4:5", "--fd", "4:900")
	p.ExtraFiles = []*os.File{read, write} // 3 and 4
	r := p.run(t)
	_ = write.Close()
	r.wants(t, 0)
	got, err := io.ReadAll(read)
	if err != nil || string(got) != "through 5\n" {
		t.Errorf("%q and %v came through", got, err)
	}
	if fds := strings.Fields(r.stdout); strings.Join(fds, " ") != "0 1 2 3 5 900" { // 3 is ls's own
		t.Errorf("the command has %v", fds)
	}
	for flag, says := range map[string]string{"3": "no such descriptor is open", "2": "3 to 1023", "x": "number of a descriptor"} {
		execLocked(t, "true", "--fd", flag).run(t).wants(t, 2, "--fd "+flag, says)
	}
}

// reported is what --json-status wrote.
type reported struct {
	PID      int    `json:"child-pid"`
	Module   string `json:"module"`
	ExitCode *int   `json:"exit-code"`
	Signal   string `json:"signal"`
	TimedOut bool   `json:"timed-out"`
	Error    string `json:"error"`
}

func TestExecReports(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, script string
		flags        []string
		status       int
		begins       bool
		end          reported
		says         string
	}{
		{name: "success", script: "true", begins: true},
		{name: "status", script: "exit 3", status: 3, begins: true},
		{name: "signal", script: "kill -KILL $$", status: 137, begins: true, end: reported{Signal: "SIGKILL"}},
		{name: "time over", script: "exec sleep 100", flags: []string{"--timeout", "50ms"}, status: 124, begins: true,
			end: reported{Signal: "SIGTERM", TimedOut: true}, says: "--timeout 50ms was over"},
		{name: "time over and deaf", script: `trap "" TERM; while :; do sleep 0.1; done`, flags: []string{"--timeout", "300ms"}, status: 124, begins: true,
			end: reported{Signal: "SIGKILL", TimedOut: true}},
		{name: "in time", script: "exit 4", flags: []string{"--timeout", "1h"}, status: 4, begins: true},
		{name: "no beginning", script: "true", flags: []string{"--fd", "77"}, status: 2, end: reported{Error: "--fd 77: no such descriptor is open here; a shell opens one as in `supervisor … 7<file`"}},
		{name: "no time", script: "true", flags: []string{"--timeout", "-1s"}, status: 2, end: reported{Error: "--timeout -1s: it lies in the past"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer read.Close()
			text, err := os.ReadFile(shipped("examples/locked"))
			if err != nil {
				t.Fatal(err)
			}
			brief := writePolicy(t, regexp.MustCompile(`stop_grace_period: \S+`).ReplaceAllString(string(text), "stop_grace_period: 100ms"))
			p := supervisor(t, append(append([]string{"exec", "--policy", brief, "--json-status", "3"}, c.flags...), "--", "/bin/sh", "-c", c.script)...)
			p.ExtraFiles = []*os.File{write}
			r := p.run(t)
			_ = write.Close()
			r.wants(t, c.status, c.says)
			var lines []reported
			for s := bufio.NewScanner(read); s.Scan(); {
				var l reported
				if err := json.Unmarshal(s.Bytes(), &l); err != nil {
					t.Fatalf("%s: %v", s.Text(), err)
				}
				lines = append(lines, l)
			}
			if c.begins {
				if len(lines) == 0 || lines[0].PID < 2 || lines[0].Module != "locked" || lines[0].ExitCode != nil {
					t.Fatalf("it began with %+v", lines)
				}
				lines = lines[1:]
			}
			if len(lines) != 1 || lines[0].ExitCode == nil || *lines[0].ExitCode != c.status {
				t.Fatalf("it ended with %+v", lines)
			}
			got := lines[0]
			got.ExitCode = nil
			if got != c.end {
				t.Errorf("it ended with %+v, want %+v", got, c.end)
			}
		})
	}
	p := execLocked(t, "sleep 100", "--json-status", "3")
	null, err := os.Open(os.DevNull) // to read only
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	p.ExtraFiles = []*os.File{null}
	p.run(t).wants(t, 125, "--json-status 3")
}
