package systemd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/core/policy/trace"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// again exports a policy and reads its units back.
func again(t *testing.T, p *policy.Policy, o Options) (*policy.Policy, []exchange.Note) {
	t.Helper()
	units, notes := Export(p, o)
	var files []File
	for _, u := range units {
		files = append(files, File(u))
	}
	text, _, err := Import(files)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	back := parse(t, "back.yaml", string(text))
	if len(back.Modules) != len(p.Modules) {
		t.Fatalf("%d modules", len(back.Modules))
	}
	return back, notes
}

// differences returns the calls that a unit lets through and its policy does not, and the other way round.
func differences(t *testing.T, m, unit policy.Seccomp) (wider, narrower []string) {
	t.Helper()
	want, err := seccomp.Resolve(m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := seccomp.Resolve(unit)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range seccomp.Compare(want, got, 10_000) {
		for name, nr := range seccomp.Native().Calls() {
			switch {
			case d.Call.Arch != seccomp.Native().Audit() || nr < d.First || nr > d.Last:
			case d.Want == bpf.RetAllow:
				narrower = append(narrower, name)
			case d.Got == bpf.RetAllow:
				wider = append(wider, name)
			}
		}
	}
	return wider, narrower
}

// TestNeverNarrower: what a policy allows its unit lets through, but for calls that systemd does not know, and a note is about each call of which
// the unit lets more through; with Strict it is the other way round.
func TestNeverNarrower(t *testing.T) {
	policies := shipped(t)
	for i, lines := range []string{
		`{call: socket, when: "type == SOCK_STREAM"}`, `{call: socket, when: "family != AF_VSOCK"}`, `{call: socket, when: "family == 77"}`,
		`socket], deny: [{call: socket, when: "family in [AF_PACKET, AF_NETLINK] && protocol != 0"}, {call: socket, when: "family == AF_ALG"}`,
		`clone3, {call: clone, when: "!(clone_flags & CLONE_NEWUSER)"}`, `{call: unshare, when: "unshare_flags == CLONE_NEWNET"}`,
		`{call: setns, when: "nstype in [0, CLONE_NEWNS]"}`, `{call: setns, when: "nstype == CLONE_NEWNS"}`,
		`{call: clone, when: "clone_flags == 17"}, {call: clone, when: "clone_flags & CLONE_THREAD"}`,
		`mprotect], deny: [{call: mprotect, when: "prot & PROT_EXEC && prot & PROT_WRITE"}`,
		`mmap, pkey_mprotect], deny: [{call: mmap, when: "prot & PROT_EXEC"}`, `{call: shmat, when: "shmflg == 0"}`,
		`{call: personality, when: "personality in [0, 8]"}`, `{call: personality, when: "personality == 0"}`,
		`{call: sched_setscheduler, when: "policy == SCHED_IDLE"}`, `{call: sched_setscheduler, when: "policy == SCHED_FIFO"}`,
		`{call: fchmodat, when: "!(mode & S_ISUID)"}`, `openat2, {call: fchmod, when: "mode == 0"}`, `openat, {call: chmod, when: "mode == 0"}`,
		`{call: syslog, when: "type == 1"}`, `{call: clock_adjtime, when: "which_clock == 0"}`,
		`{call: ioctl, when: "cmd in [1, 3]"}], deny: [{call: ioctl, when: "cmd == 1"}, {call: ioctl, when: "cmd == 3"}`,
		`mseal, cachestat, fchmodat2], deny: [statmount, {call: listmount, action: errno ENOSYS}`,
	} {
		name := fmt.Sprintf("made %d.yaml", i)
		policies[name] = parse(t, name, module("seccomp: {allow: [\"@default\", read, write, "+lines+"]}"))
	}
	for name, p := range policies {
		t.Run(name, func(t *testing.T) {
			loose, said := again(t, p, Options{})
			strict, saidStrict := again(t, p, Options{Strict: true})
			for i, m := range p.Modules {
				wider, narrower := differences(t, m.Seccomp, loose.Modules[i].Seccomp)
				for _, call := range narrower {
					if known(call) || !noted(said, call+" is left out: systemd 252") {
						t.Errorf("the unit denies %s, which the policy allows", call)
					}
				}
				for _, call := range wider {
					if !noted(said, "the unit is wider: "+call+" is let through") && call != "execve" {
						t.Errorf("no note says that the unit is wider with %s:\n%v", call, said)
					}
				}
				for _, n := range said {
					if call, found := strings.CutPrefix(n.Text, "the unit is wider: "); found {
						if call, _, _ = strings.Cut(call, " "); !slices.Contains(wider, call) || n.Pos.Line < 2 || !strings.Contains(n.Text, "`") {
							t.Errorf("%s, but the unit is not", n)
						}
					}
				}
				wider, narrower = differences(t, m.Seccomp, strict.Modules[i].Seccomp)
				for _, call := range wider {
					if call != "execve" {
						t.Errorf("strictly, the unit is wider with %s", call)
					}
				}
				for _, call := range narrower {
					if !noted(saidStrict, "the condition on "+call+" is not carried") && known(call) {
						t.Errorf("no note says that %s is left out:\n%v", call, saidStrict)
					}
				}
			}
		})
	}
}

func noted(notes []exchange.Note, text string) bool {
	return slices.ContainsFunc(notes, func(n exchange.Note) bool { return strings.Contains(n.Text, text) })
}

// TestNotes: there is one for each rule of which the unit lets more through, where the rule is.
func TestNotes(t *testing.T) {
	p := parse(t, "p.yaml", module(`seccomp:
  allow:
    - "@default"
    - {call: socket, when: "family == AF_UNIX && type == SOCK_STREAM"}
    - {call: socket, when: "family == AF_INET && type == SOCK_DGRAM"}
    - [ioctl, write]
  deny:
    - {call: ioctl, when: "cmd == TIOCSTI"}
    - {call: mmap, when: "prot & PROT_WRITE && prot & PROT_EXEC"}
    - {call: mmap, when: "flags & MAP_SHARED"}
    - {call: mprotect, when: "prot & PROT_EXEC"}`))
	_, notes := Export(p, Options{})
	var got []string
	for _, n := range notes {
		if strings.Contains(n.Text, "the unit is wider") {
			got = append(got, n.String())
		}
	}
	want := []string{
		"p.yaml:9:18: the unit is wider: socket is let through not only where `family == AF_UNIX && type == SOCK_STREAM`, but with all arguments that " +
			"RestrictAddressFamilies=AF_INET AF_UNIX leaves",
		"p.yaml:10:18: the unit is wider: socket is let through not only where `family == AF_INET && type == SOCK_DGRAM`, but with all arguments that " +
			"RestrictAddressFamilies=AF_INET AF_UNIX leaves",
		"p.yaml:13:18: the unit is wider: ioctl is let through also where `cmd == TIOCSTI`: no directive says it and leaves what the policy allows",
		"p.yaml:15:18: the unit is wider: mmap is let through also where `flags & MAP_SHARED`, but for what MemoryDenyWriteExecute=yes denies",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestKnown: systemd reads the names that are written for it, and does not read the ones that are left out.
func TestKnown(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not installed: ./bootstrap installs it")
	}
	out, err := exec.Command("systemd-analyze", "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	oldest := strings.HasPrefix(string(out), "systemd 252 ")
	text := "[Service]\nExecStart=/bin/true\nSystemCallFilter=read"
	for name := range seccomp.Native().Calls() {
		text += "\nSystemCallFilter=" + name
	}
	file := filepath.Join(t.TempDir(), "all.service")
	if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	said, _ := exec.Command("systemd-analyze", "--man=no", "verify", file).CombinedOutput()
	for name := range seccomp.Native().Calls() {
		warned := strings.Contains(string(said), "ignoring: "+name+"\n")
		if warned && known(name) || oldest && !warned && !known(name) {
			t.Errorf("%s: known is %v, and systemd's warning %v", name, known(name), warned)
		}
	}
}

// TestServesNginx: nginx's unit, read back, lets through what nginx did from its start to its end, and its socket is where nginx looks for it.
func TestServesNginx(t *testing.T) {
	if seccomp.Native() != seccomp.X8664 {
		t.Skip("the trace is one of x86-64; the policy is compiled for", seccomp.Native())
	}
	back, _ := again(t, shipped(t)["nginx.yaml"], Options{})
	m := back.Modules[0]
	text, err := os.ReadFile("../../../tests/testdata/nginx.strace")
	if err != nil {
		t.Fatal(err)
	}
	decision, err := seccomp.Resolve(m.Seccomp)
	if err != nil {
		t.Fatal(err)
	}
	arch := call.On(seccomp.X8664)
	report := trace.Simulate(trace.Read(strings.NewReader(string(text)), arch), decision, arch)
	if !report.OK() || report.Calls < 200 {
		var b strings.Builder
		_ = report.Render(&b, trace.Names{Trace: "nginx.strace", Policy: "nginx.service", Place: trace.Place(m.Seccomp)})
		t.Errorf("%d calls\n%s", report.Calls, b.String())
	}
	if len(m.Listeners) != 1 || m.Listeners[0].FD != 3 || !slices.ContainsFunc(m.Environment, func(e policy.EnvVar) bool {
		return e.Name == "NGINX" && e.Value == "3;"
	}) {
		t.Errorf("the socket: %+v, the environment: %+v", m.Listeners, m.Environment)
	}
}
