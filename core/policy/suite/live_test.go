package suite

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// web is a module with namespaces but one.
func web(lacks ...policy.Namespace) *policy.Module {
	m := &policy.Module{Name: "web"}
	for _, ns := range []policy.Namespace{unix.CLONE_NEWNS, unix.CLONE_NEWPID, unix.CLONE_NEWIPC, unix.CLONE_NEWUTS} {
		if len(lacks) == 0 || ns != lacks[0] {
			m.Namespaces = append(m.Namespaces, policy.Value[policy.Namespace]{V: ns})
		}
	}
	return m
}

func TestLiveCalls(t *testing.T) {
	_, results := run(t, `  - {name: a, module: web, call: "read(3, \"x\", 5)", expect: allowed}
  - {name: b, module: web, call: "read(3)", expect: errno EPERM}
  - {name: c, module: web, trace: good, expect: allowed}
  - {name: d, module: web, call: "sokcet(1)", expect: allowed}
  - {name: e, module: web, call: "openat(AT_FDCWD, \"/etc/\\x61\", O_RDONLY)", expect: errno EPERM}
  - {name: f, module: web, call: "openat(AT_FDCWD, \"/etc/a\", O_RDWR|O_CREAT)", expect: errno EPERM}
  - {name: g, module: web, call: "unlinkat(AT_FDCWD, \"/etc/a\", 0)", expect: errno EPERM}
`)
	module := func(string) (*policy.Module, error) { return web(), nil }
	type short struct {
		Name, Text string
		Nr         uint32
		Args       [6]uint64
		Strings    map[int]string
	}
	var got []short
	for _, l := range LiveCalls(results, module, seccomp.X8664.Catalog()) {
		got = append(got, short{l.Name, l.Text, l.Nr, l.Args, l.Strings})
		if l.Module != "web" || l.Pos.Line == 0 || l.Skip != "" {
			t.Errorf("%+v", l)
		}
	}
	const cwd = 0xffffff9c
	want := []short{
		{Name: "a", Text: `read(3, "x", 5)`, Args: [6]uint64{3, 0, 5}},
		{Name: "b", Text: "read(3)", Args: [6]uint64{3}}, // although it does not hold: the kernel is asked all the same
		{Name: "e", Text: `openat(AT_FDCWD, "/etc/\x61", O_RDONLY)`, Nr: 257, Args: [6]uint64{cwd}, Strings: map[int]string{1: "/etc/a"}},
		{Name: "f", Text: `openat(AT_FDCWD, "/etc/a", O_RDWR|O_CREAT)`, Nr: 257, Args: [6]uint64{cwd, 0, 0o102}},
		{Name: "g", Text: `unlinkat(AT_FDCWD, "/etc/a", 0)`, Nr: 263, Args: [6]uint64{cwd}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestHarm(t *testing.T) {
	keeps := web()
	keeps.Capabilities = []policy.Value[policy.Capability]{{V: unix.CAP_SYS_BOOT}}
	inUser := web()
	inUser.Capabilities = keeps.Capabilities
	inUser.Namespaces = append(inUser.Namespaces, policy.Value[policy.Namespace]{V: unix.CLONE_NEWUSER})
	for name, c := range map[string]struct {
		module *policy.Module
		call   string
		want   string // a part of the reason; "" for none
	}{
		"kill in a pid namespace":             {web(), "kill", ""},
		"kill":                                {web(unix.CLONE_NEWPID), "kill", "pid namespace"},
		"shmctl in an ipc namespace":          {web(), "shmctl", ""},
		"shmctl":                              {web(unix.CLONE_NEWIPC), "shmctl", "ipc namespace"},
		"sethostname":                         {web(unix.CLONE_NEWUTS), "sethostname", "uts namespace"},
		"mount":                               {web(unix.CLONE_NEWNS), "mount", "mount namespace"},
		"reboot without a capability":         {web(), "reboot", ""},
		"reboot":                              {keeps, "reboot", "capabilities"},
		"reboot by root of a user namespace":  {inUser, "reboot", ""},
		"keyctl":                              {web(), "keyctl", "keys"},
		"keyctl in a user namespace":          {inUser, "keyctl", ""},
		"what reaches nothing but its caller": {web(unix.CLONE_NEWPID), "getpid", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Harm(c.module, c.call); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// The calls of the lists are calls: a name that no table has would never be found.
func TestHarmNamesCalls(t *testing.T) {
	for _, names := range [][]string{ofProcesses, ofIPC, ofNames, ofMounts, ofKeys, ofHost} {
		for _, name := range names {
			known := false
			for _, a := range seccomp.Arches() {
				_, ok := a.Number(name)
				known = known || ok
			}
			if !known {
				t.Errorf("no table has %s", name)
			}
		}
	}
}

func TestLiveResult(t *testing.T) {
	allow, eperm, kill := policy.Action{Kind: policy.ActionAllow}, policy.Action{Kind: policy.ActionErrno, Errno: uint16(unix.EPERM)},
		policy.Action{Kind: policy.ActionKillProcess}
	layers := []string{"filesystem"}
	for name, c := range map[string]struct {
		want policy.Action
		said Said
		ok   bool
		text string
	}{
		"denied":                     {eperm, Said{Value: -1, Filter: true}, true, "errno EPERM, by the filter"},
		"denied by something else":   {eperm, Said{Value: -1}, false, "past the filter, where the kernel said EPERM (the policy decides there under filesystem)"},
		"denied with another error":  {eperm, Said{Value: -38, Filter: true}, false, "errno ENOSYS, by the filter"},
		"denied and not expected":    {allow, Said{Value: -1, Filter: true}, false, "errno EPERM, by the filter"},
		"allowed":                    {allow, Said{Value: 7}, true, "past the filter, where the kernel returned 7"},
		"allowed, and an error":      {allow, Said{Value: -14}, true, "past the filter, where the kernel said EFAULT"},
		"allowed and logged":         {policy.Action{Kind: policy.ActionLog}, Said{}, true, "past the filter, where the kernel returned 0"},
		"allowed, and not back":      {allow, Said{Kind: Waiting}, true, "past the filter, where it waited for something"},
		"allowed, and ended":         {allow, Said{Kind: Exited, Status: 3}, true, "past the filter, where the process ended with status 3"},
		"allowed, and out of sight":  {allow, Said{Kind: Replaced}, true, "past the filter, where the process was taken out of sight"},
		"killed":                     {kill, Said{Kind: Killed, Signal: unix.SIGSYS, Filter: true}, true, "killed by SIGSYS, by the filter"},
		"killed and not expected":    {eperm, Said{Kind: Killed, Signal: unix.SIGSYS, Filter: true}, false, "killed by SIGSYS, by the filter"},
		"killed by something else":   {kill, Said{Kind: Killed, Signal: unix.SIGSEGV}, false, "past the filter, where SIGSEGV ended the process"},
		"not killed":                 {kill, Said{Value: -1, Filter: true}, false, "errno EPERM, by the filter"},
		"an error without a name":    {allow, Said{Value: -4000}, true, "past the filter, where the kernel said 4000"},
		"trapped, which is a signal": {policy.Action{Kind: policy.ActionTrap}, Said{Kind: Killed, Filter: true}, true, "killed by SIGSYS, by the filter"},
	} {
		t.Run(name, func(t *testing.T) {
			r := LiveResult{Live: Live{Want: c.want, Layers: layers}, Said: c.said}
			if r.OK() != c.ok || r.String() != c.text || LiveFailed([]LiveResult{r}) == c.ok {
				t.Errorf("%t, %s", r.OK(), r)
			}
		})
	}
}

func TestRenderLive(t *testing.T) {
	eperm := policy.Action{Kind: policy.ActionErrno, Errno: uint16(unix.EPERM)}
	live := func(name string) Live {
		return Live{Name: name, Module: "web", Text: "getpid()", Want: eperm, Pos: policy.Pos{File: "a.yaml", Line: 3, Col: 7}}
	}
	skipped := live("c")
	skipped.Skip = "it could"
	gone := errors.New("no user\x1b")
	var b strings.Builder
	err := RenderLive(&b, []LiveResult{{Live: live("a"), Said: Said{Value: -1, Filter: true}}, {Live: live("b"), Said: Said{Value: 4}}, {Live: skipped},
		{Live: live("d"), Err: gone}, {Live: live("e"), Err: gone}})
	const want = `ok   live web: a: getpid(): errno EPERM, by the filter
FAIL live web: b: getpid(): a.yaml:3:7: got past the filter, where the kernel returned 4, want errno EPERM
not made  web: c: getpid(): it could
FAIL live web: d: getpid(): a.yaml:3:7: the module cannot be launched on this host: no user` + "\ufffd" + `
     nor web: e: getpid()
2 calls made, 1 answered otherwise than expected; 1 not made; 2 could not be made
`
	if err != nil || b.String() != want {
		t.Errorf("%v\n%s", err, b.String())
	}
}
