package compile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp/libseccomp"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// writtenDown answers questions in place of a real host: files by path, and errors.
type writtenDown struct {
	files map[string]sandbox.File
	texts map[string]string // of policies that are included
	err   string
	asked []string
}

func (w *writtenDown) answer(q question) answer {
	w.asked = append(w.asked, string(q.Kind)+" "+q.Name)
	if w.err != "" {
		return answer{Error: w.err}
	}
	switch q.Kind {
	case 'u':
		return answer{Found: q.Name == "nobody", User: sandbox.User{Name: q.Name, UID: 65534, GID: 65534}}
	case 'g':
		return answer{Found: q.Name == "nogroup", GID: 65534}
	case 'p':
		if text, there := w.texts[q.Name]; there {
			return answer{Text: []byte(text), Dir: path.Dir(q.Name)}
		}
		return answer{Error: "it is not there", Help: "put it there"}
	}
	f, ok := w.files[q.Name]
	if !ok {
		f = sandbox.File{Errno: unix.ENOENT}
	}
	return answer{File: f}
}

func theHost() *writtenDown {
	return &writtenDown{files: map[string]sandbox.File{
		"/usr":            {Kind: sandbox.Directory, Real: "/usr", Mode: 0o755},
		"/usr/bin":        {Kind: sandbox.Directory, Real: "/usr/bin", Mode: 0o755},
		"/usr/bin/static": {Kind: sandbox.Regular, Real: "/usr/bin/static", Mode: 0o755},
	}}
}

func rootFacts() host.Facts {
	return host.Facts{
		Release: "6.18.5", Kernel: policy.KernelVersion{Major: 6, Minor: 18}, OverflowUID: 65534, OverflowGID: 65534,
		Capabilities: host.CapabilityFacts{Effective: 1<<41 - 1, Permitted: 1<<41 - 1, Bounding: 1<<41 - 1, Last: 40},
		Seccomp:      1<<8 - 1, Landlock: host.LandlockFacts{ABI: 7}, UserNS: host.UserNSFacts{Initial: true},
		Namespaces: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWNET,
		MountAPI:   true, IntoCgroup: true, Pidfd: true,
	}
}

// file is a policy with modules.
func file(modules ...string) []byte {
	text := "version: 1\nkernel: \">=5.13\"\nmodules:\n"
	for _, m := range modules {
		text += "  " + m + ":\n    command: [/usr/bin/static]\n    user: nobody\n    filesystem: [{path: /usr, access: rx}]\n" +
			"    seccomp: {allow: [\"@default\"]}\n"
	}
	return []byte(text)
}

const listener = "listeners:\n  http: {address: \"127.0.0.1:80\"}\n"

func withListener(text []byte) []byte {
	return []byte(strings.Replace(string(text), "modules:\n", listener+"modules:\n", 1) + "    listeners: {http: 3}\n")
}

// converseWith serves one request in this process, with another end that answers from what is written down.
func converseWith(t *testing.T, h *writtenDown, req Request) (wire.Plan, error) {
	t.Helper()
	k := linux.New()
	ours, theirs, err := k.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() {
		served <- errors.Join(serve(libseccomp.Chooser(linux.New()), channel{k, theirs}), k.Close(theirs))
	}()
	plan, err := talk(channel{k, ours}, h, EncodeRequest(req))
	return plan, errors.Join(err, k.Close(ours), <-served)
}

func talk(c channel, h *writtenDown, body []byte) (wire.Plan, error) {
	if err := c.send('r', body); err != nil {
		return wire.Plan{}, err
	}
	for {
		kind, body, err := c.receive()
		switch {
		case err != nil:
			return wire.Plan{}, err
		case kind == framePlan:
			return wire.DecodePlan(body)
		case h == nil:
			return wire.Plan{}, nil // hang up
		}
		q, err := decodeQuestion(body)
		if err := errors.Join(err, c.send('a', h.answer(q).encode())); err != nil {
			return wire.Plan{}, err
		}
	}
}

// base is a file with a profile, and extending is a policy that includes it.
const base = `version: 1
profiles:
  base:
    filesystem: [{path: /usr, access: rx}]
    seccomp: {allow: ["@default"]}
`

var (
	extending = []byte("version: 1\ninclude: [base.yaml]\nkernel: \">=5.13\"\nmodules: {a: {extends: base, user: nobody, command: [/usr/bin/static]}}\n")

	otherExtending = []byte(strings.Replace(string(extending), "{a:", "{b:", 1))
)

func including(texts map[string]string) *writtenDown {
	h := theHost()
	h.texts = texts
	return h
}

func TestServe(t *testing.T) {
	tests := []struct {
		name    string
		request Request
		host    *writtenDown
		modules []string
		codes   []string
		says    string
	}{
		{name: "nothing", request: Request{}},
		{name: "one", request: Request{Sources: []Source{{Name: "a.yaml", Text: file("a")}}}, modules: []string{"a"}},
		{name: "two files", request: Request{Sources: []Source{{Name: "a.yaml", Text: file("a")}, {Name: "b.yaml", Text: file("b", "c")}}},
			modules: []string{"a", "b", "c"}},
		{name: "the same module twice", request: Request{Sources: []Source{{Name: "a.yaml", Text: file("a")}, {Name: "b.yaml", Text: file("a")}}},
			codes: []string{"E641"}, says: `module "a" is defined in a.yaml too`},
		{name: "the same listener twice", request: Request{Sources: []Source{{Name: "a.yaml", Text: withListener(file("a"))}, {Name: "b.yaml", Text: withListener(file("b"))}}},
			codes: []string{"E641"}, says: `listener "http" is defined in a.yaml too`},
		{name: "errors of all files", request: Request{Sources: []Source{{Name: "a.yaml", Text: []byte("version: 2\n")}, {Name: "b.yaml", Text: []byte("[")}}},
			says: "b.yaml"},
		{name: "one of several", request: Request{Module: "b", Sources: []Source{{Name: "a.yaml", Text: file("a", "b")}}}, modules: []string{"b"}},
		{name: "none of several", request: Request{Module: "x", Sources: []Source{{Name: "a.yaml", Text: file("a", "b")}}},
			codes: []string{"E640"}, says: `module "x" is not defined; defined: a, b`},
		{name: "exec wants one", request: Request{Exec: true, Sources: []Source{{Name: "a.yaml", Text: file("a", "b")}}},
			codes: []string{"E640"}, says: "choose one with --module"},
		{name: "exec of the only one", request: Request{Exec: true, Command: []string{"/usr/bin/static", "x"}, Sources: []Source{{Name: "a.yaml", Text: file("a")}}},
			modules: []string{"a"}},
		{name: "exec of what is not there", request: Request{Exec: true, Command: []string{"/usr/bin/gone"}, Sources: []Source{{Name: "a.yaml", Text: file("a")}}},
			codes: []string{sandbox.CodeCommandNotFound}},
		{name: "the host cannot say", host: &writtenDown{err: "input/output error"}, request: Request{Sources: []Source{{Name: "a.yaml", Text: file("a")}}},
			codes: []string{"E600"}, says: "input/output error"},
		{name: "a profile in another file", host: including(map[string]string{"/etc/base.yaml": base}), modules: []string{"a"},
			request: Request{Sources: []Source{{Name: "a.yaml", Dir: "/etc", Text: extending}}}},
		{name: "an include that is not there", host: including(nil), codes: []string{"E423"}, says: "help: put it there",
			request: Request{Sources: []Source{{Name: "a.yaml", Dir: "/etc", Text: extending}}}},
		{name: "an error in another file", host: including(map[string]string{"/etc/base.yaml": base + "    usr: nobody\n"}),
			codes: []string{"E111"}, says: "  /etc/base.yaml:6:5\n    6 |     usr: nobody\n      |     ^^^ did you mean \"user\"?",
			request: Request{Sources: []Source{{Name: "a.yaml", Dir: "/etc", Text: extending}}}},
		{name: "an error in a file that two include", host: including(map[string]string{"/etc/base.yaml": base + "    usr: nobody\n"}), codes: []string{"E111"},
			request: Request{Sources: []Source{{Name: "a.yaml", Dir: "/etc", Text: extending}, {Name: "b.yaml", Dir: "/etc", Text: otherExtending}}}},
		{name: "a directory with an included file", host: including(map[string]string{"/etc/base.yaml": base}), modules: []string{"a", "b"},
			request: Request{Sources: []Source{{Name: "d/a.yaml", Dir: "/etc", Text: extending}, {Name: "d/b.yaml", Dir: "/etc", Text: otherExtending},
				{Name: "d/base.yaml", Dir: "/etc", Text: []byte(base)}}}},
		{name: "a module that two include", host: including(map[string]string{"/etc/base.yaml": base + string(file("c"))[len("version: 1\nkernel: \">=5.13\"\n"):]}),
			codes: []string{"E641"}, says: `module "c" comes twice, because two policies include this file`,
			request: Request{Sources: []Source{{Name: "a.yaml", Dir: "/etc", Text: extending}, {Name: "b.yaml", Dir: "/etc", Text: otherExtending}}}},
		{name: "variables", request: Request{Variables: map[string]string{"WHO": "nobody"}, Sources: []Source{{Name: "a.yaml", Dir: "/usr",
			Text: []byte(strings.NewReplacer("nobody", "${WHO}", "/usr,", `"${POLICY_DIR}",`).Replace(string(file("a"))))}}}, modules: []string{"a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := tt.host
			if h == nil {
				h = theHost()
			}
			tt.request.Facts = rootFacts()
			plan, err := converseWith(t, h, tt.request)
			if err != nil {
				t.Fatal(err)
			}
			var modules []string
			for _, m := range plan.Modules {
				modules = append(modules, m.Name)
			}
			if !slices.Equal(modules, tt.modules) {
				t.Errorf("modules %v, want %v\n%s", modules, tt.modules, plan.Rendered)
			}
			for _, d := range plan.Diagnostics {
				if d.Severity == policy.SeverityError && len(tt.codes) > 0 && !slices.Contains(tt.codes, d.Code) {
					t.Errorf("%v", d)
				}
			}
			if failed := len(tt.modules) == 0 && len(tt.request.Sources) > 0; plan.Diagnostics.HasErrors() != failed {
				t.Errorf("errors: %v", plan.Diagnostics)
			}
			if !strings.Contains(plan.Rendered, tt.says) {
				t.Errorf("%q is not in:\n%s", tt.says, plan.Rendered)
			}
			var machine any
			if err := json.Unmarshal([]byte(plan.JSON), &machine); err != nil {
				t.Errorf("the diagnostics for machines: %v\n%s", err, plan.JSON)
			}
		})
	}
}

// TestCheckOnlyAsksNothing: whose policy it is does not matter then, and neither does what this host has.
func TestCheckOnlyAsksNothing(t *testing.T) {
	h := theHost()
	plan, err := converseWith(t, h, Request{CheckOnly: true, Sources: []Source{{Name: "a.yaml", Text: file("a")}}})
	if err != nil || plan.Diagnostics.HasErrors() || len(plan.Modules) != 0 {
		t.Errorf("%+v, %v", plan, err)
	}
	if len(h.asked) != 0 {
		t.Errorf("it asked %v", h.asked)
	}
}

func TestServeBadParent(t *testing.T) {
	k := linux.New()
	tests := []struct {
		name string
		send []byte
		want string
	}{
		{"hangs up at once", nil, io.ErrUnexpectedEOF.Error()},
		{"half a request", []byte{'r', 9, 0, 0, 0, '{'}, io.ErrUnexpectedEOF.Error()},
		{"junk", []byte{'r', 1, 0, 0, 0, '['}, "decode the request"},
		{"too much", []byte{'r', 255, 255, 255, 255}, "are announced"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ours, theirs, err := k.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			if len(tt.send) > 0 {
				if _, err := k.Write(ours, tt.send); err != nil {
					t.Fatal(err)
				}
			}
			if err := k.Close(ours); err != nil {
				t.Fatal(err)
			}
			if err := serve(libseccomp.Chooser(linux.New()), channel{k, theirs}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if err := k.Close(theirs); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestParentLeavesDuringQuestions: the compile process ends with an error instead of going on alone.
func TestParentLeavesDuringQuestions(t *testing.T) {
	k := linux.New()
	ours, theirs, err := k.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	body := EncodeRequest(Request{Facts: rootFacts(), Sources: []Source{{Name: "a.yaml", Text: file("a")}}})
	served := make(chan error, 1)
	go func() { served <- serve(libseccomp.Chooser(linux.New()), channel{k, theirs}) }()
	if _, err := talk(channel{k, ours}, nil, body); err != nil {
		t.Fatal(err)
	}
	if err := k.Close(ours); err != nil {
		t.Fatal(err)
	}
	if err := <-served; !errors.Is(err, posix.Errno(unix.EPIPE)) {
		t.Errorf("%v, want EPIPE", err)
	}
	if err := k.Close(theirs); err != nil {
		t.Error(err)
	}
}

// TestExecAllowed: a module that may call execveat needs no exec-once value, and does not get one.
func TestExecAllowed(t *testing.T) {
	allow := func(calls string) []byte {
		return []byte(strings.Replace(string(file("a")), `["@default"]`, `["@default", `+calls+`]`, 1))
	}
	for calls, want := range map[string]int{"read": 2, "execveat": 0} {
		plan, err := converseWith(t, theHost(), Request{Facts: rootFacts(), Sources: []Source{{Name: "a.yaml", Text: allow(calls)}}})
		if err != nil || len(plan.Modules) != 1 {
			t.Fatalf("%v\n%s", err, plan.Rendered)
		}
		if got := len(plan.Modules[0].Program.Cookies); got != want {
			t.Errorf("allow %s: %d places of an exec-once value, want %d", calls, got, want)
		}
		if got := len(plan.Modules[0].Init.Cookies); got != 2 {
			t.Errorf("allow %s: init has %d", calls, got)
		}
	}
}

// TestOwnFilters: every call of our own lists exists, and what starts or reaches something else is in none.
func TestOwnFilters(t *testing.T) {
	for name, calls := range map[string][]string{"tool": toolCalls, "init": sandbox.InitCalls} {
		f, err := OwnFilter(calls)
		if err != nil || len(f.Cookie) != 2 || len(f.Program)%8 != 0 {
			t.Errorf("%s: %v, %d bytes, cookie at %v", name, err, len(f.Program), f.Cookie)
		}
		for _, never := range []string{"execve", "open", "openat", "openat2", "socket", "connect", "bind", "kill", "ptrace", "mount", "unshare", "setns", "bpf", "ioctl"} {
			if slices.Contains(calls, never) {
				t.Errorf("%s may call %s", name, never)
			}
		}
	}
	if _, err := OwnFilter([]string{"no_such_call"}); err == nil {
		t.Error("a call that does not exist is accepted: " + fmt.Sprint(err))
	}
}
