package compile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/errs"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/wire"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// watched is the kernel, with the last child, and something to do when a question about a file comes.
type watched struct {
	posix.Core
	child  atomic.Int64
	onStat func(path string)
}

func (w *watched) Clone3(args *posix.CloneArgs) (posix.Child, error) {
	c, err := w.Core.Clone3(args)
	w.child.Store(int64(c.PID))
	return c, err
}

func (w *watched) Fstatat(dir posix.FD, path string, st *posix.Stat, flags int) error {
	if w.onStat != nil {
		w.onStat(path)
	}
	return w.Core.Fstatat(dir, path, st, flags)
}

// setUp returns a kernel, a launcher for this test's thread, and what the host can enforce.
func setUp(t *testing.T) (*watched, *launch.Launcher, host.Facts) {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	k := &watched{Core: errs.New(linux.New())}
	l, err := launch.New(k, launch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	facts, err := host.Probe(k)
	if err != nil {
		t.Fatal(err)
	}
	return k, l, facts
}

const small = `version: 1
kernel: ">=5.13"
modules:
  web:
    command: [/bin/sh, -c, "exit 0"]
    user: nobody
    filesystem:
      - {path: /usr, access: rx}
      - {path: /lib, access: rx}
      - {path: /lib64, access: rx, if_exists: true}
      - {path: /bin, access: rx}
    best_effort: [landlock]
    seccomp: {allow: ["@default", "@basic-io", "@file-system"]}
`

func TestRun(t *testing.T) {
	k, l, facts := setUp(t)
	before := leak.Take()
	plan, _, err := tool{supervisor, Timeout}.run(k, l, Request{Sources: []Source{{Name: "web.yaml", Dir: "/etc", Text: []byte(small)}}, Facts: facts})
	if err != nil {
		t.Fatal(err)
	}
	if plan.Diagnostics.HasErrors() {
		t.Fatal(plan.Rendered)
	}
	if len(plan.Modules) != 1 || plan.Modules[0].Name != "web" || plan.Modules[0].Init == nil || len(plan.Modules[0].Program.Cookies) != 2 {
		t.Errorf("modules %+v", plan.Modules)
	}
	if left := before.Left(); left != "" {
		t.Error(left)
	}
}

// TestRunIsConfined looks at the process from outside while it waits for an answer.
func TestRunIsConfined(t *testing.T) {
	k, l, facts := setUp(t)
	var status, open string
	k.onStat = func(string) {
		k.onStat = nil
		pid := k.child.Load()
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Error(err)
		}
		status = string(text)
		names, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		if err != nil || os.Geteuid() != 0 {
			return // it is not dumpable, so only root may look
		}
		for _, name := range names {
			target, err := os.Readlink(name)
			if errors.Is(err, fs.ErrNotExist) {
				continue // closed meanwhile: the filter is made while questions are answered
			}
			if err != nil {
				t.Error(err)
			}
			open += filepath.Base(name) + "=" + target + "\n"
		}
	}
	if _, _, err := (tool{supervisor, Timeout}).run(k, l, Request{Sources: []Source{{Name: "web.yaml", Dir: "/etc", Text: []byte(small)}}, Facts: facts}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Seccomp:\t2\n", "NoNewPrivs:\t1\n", "CapEff:\t0000000000000000\n", "CapPrm:\t0000000000000000\n"} {
		if !strings.Contains(status, want) {
			t.Errorf("no %q in the status:\n%s", want, status)
		}
	}
	if os.Geteuid() == 0 {
		if want := fmt.Sprintf("Uid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\n", facts.OverflowUID); !strings.Contains(status, want) {
			t.Errorf("no %q in the status:\n%s", want, status)
		}
		for fd := range strings.Lines(open) {
			name, target, _ := strings.Cut(fd, "=")
			if name > "3" && !strings.HasPrefix(target, "anon_inode:") && !strings.HasPrefix(target, "/memfd:seccomp filter") {
				t.Errorf("it has descriptor %s", fd)
			}
		}
		if !strings.Contains(open, "3=socket:") {
			t.Errorf("descriptors %s", open)
		}
	}
}

func TestRunOnJunk(t *testing.T) {
	k, l, facts := setUp(t)
	texts := map[string]string{
		"empty": "", "binary": "\x00\xff\xfe\x01", "deep": strings.Repeat("[", 100_000), "large": strings.Repeat("a: b\n", 400_000),
		"anchors": "a: &a [x]\nb: &b [*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b]\n",
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			// The launcher belongs to the thread of the outer test, which runs nothing meanwhile; no pid namespace is entered here.
			before := leak.Take()
			plan, _, err := tool{supervisor, Timeout}.run(k, l, Request{Sources: []Source{{Name: "junk.yaml", Dir: "/", Text: []byte(text)}}, Facts: facts})
			if err != nil {
				t.Fatal(err)
			}
			if !plan.Diagnostics.HasErrors() || len(plan.Modules) != 0 || !strings.Contains(plan.Rendered, "junk.yaml") {
				t.Errorf("%d modules; %.300s", len(plan.Modules), plan.Rendered)
			}
			if left := before.Left(); left != "" {
				t.Error(left)
			}
		})
	}
}

// TestHostileChild runs programs in place of the compile process that do not keep to the protocol.
func TestHostileChild(t *testing.T) {
	k, l, facts := setUp(t)
	frame := func(kind byte, length int, body []byte) []byte {
		return append(binary.LittleEndian.AppendUint32([]byte{kind}, uint32(length)), body...)
	}
	ask := &wire.Encoder{}
	ask.U8('f')
	ask.String("/etc/passwd")
	question := frame(frameQuestion, len(ask.Bytes()), ask.Bytes())
	tests := []struct {
		name  string
		write []byte
		then  any
		says  string
	}{
		{"silent end", nil, thenExit, "ended without an answer"},
		{"crash", nil, thenCrash, "ended without an answer (it was ended by SIGILL)"},
		{"hang", nil, thenSpin, "no answer after 300ms"},
		{"half a header", []byte{framePlan, 1}, thenExit, "ended without an answer"},
		{"half a frame", frame(framePlan, 100, []byte("short")), thenExit, "ended without an answer"},
		{"half a frame and a hang", frame(framePlan, 100, []byte("short")), thenSpin, "no answer after 300ms"},
		{"a frame of 4 GiB", frame(framePlan, 0xffffffff, nil), thenSpin, "4294967295 bytes are announced; at most 16777216"},
		{"unknown kind", frame('x', 0, nil), thenSpin, "malformed message: of kind 'x'"},
		{"empty plan", frame(framePlan, 0, nil), thenSpin, "malformed message at byte 0"},
		{"garbage plan", frame(framePlan, 64, []byte(strings.Repeat("\xff\x01\x80\x00", 16))), thenSpin, "malformed message"},
		{"empty question", frame(frameQuestion, 0, nil), thenSpin, "malformed message"},
		{"question with more", frame(frameQuestion, len(ask.Bytes())+1, append(ask.Bytes(), 0)), thenSpin, "1 bytes are left over"},
		{"questions without end", question, thenAgain, "no answer after 300ms"},
		{"an end after a question", question, thenExit, "the confined process ended without an answer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := leak.Take()
			start := time.Now()
			plan, _, err := tool{hostile(t, tt.write, tt.then), 300 * time.Millisecond}.run(k, l, Request{Facts: facts})
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q", err, tt.says)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
			if len(plan.Modules) != 0 || plan.Rendered != "" {
				t.Errorf("a plan came with the error: %+v", plan)
			}
			if left := before.Left(); left != "" {
				t.Error(left)
			}
		})
	}
}

// TestFilterDenies: a call that the compile process does not need gets EPERM, which this one returns as its exit status.
func TestFilterDenies(t *testing.T) {
	k, l, facts := setUp(t)
	ours, theirs, err := k.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = k.Close(ours), k.Close(theirs) }()
	p, err := tool{hostile(t, nil, thenOpen), Timeout}.start(k, l, facts, Role, theirs)
	if err != nil {
		t.Fatal(err)
	}
	var info posix.WaitInfo
	if err := errors.Join(k.Waitid(posix.PPidfd, int(p.Pidfd), &info, unix.WEXITED), k.Close(p.Pidfd)); err != nil {
		t.Fatal(err)
	}
	if info.Code != posix.CldExited || info.Status != int(unix.EPERM) {
		t.Errorf("open(2) in the compile process: it ended as %+v, want exit status EPERM", info)
	}
}

func TestProgramCannotStart(t *testing.T) {
	k, l, facts := setUp(t)
	before := leak.Take()
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("hello"), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{"/nowhere/supervisor": unix.ENOENT, text: unix.ENOEXEC} {
		_, _, err := tool{path, Timeout}.run(k, l, Request{Facts: facts})
		if !errors.Is(err, want) || !strings.Contains(err.Error(), "start the confined process: ") {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	if left := before.Left(); left != "" {
		t.Error(left)
	}
}

// script is a channel whose other end is written down.
type script struct {
	posix.Files
	in   []byte
	loop []byte // what comes when in is used up, again and again
	sent int
	max  int // how much one Write takes; 0 is all
}

func (s *script) Read(_ posix.FD, p []byte) (int, error) {
	if len(s.in) == 0 {
		s.in = s.loop
	}
	n := copy(p, s.in)
	s.in = s.in[n:]
	return n, nil
}

func (s *script) Write(_ posix.FD, p []byte) (int, error) {
	if s.max > 0 && len(p) > s.max {
		p = p[:s.max]
	}
	s.sent += len(p)
	return len(p), nil
}

func TestQuestionsAreCounted(t *testing.T) {
	s := &script{loop: []byte{frameQuestion, 5, 0, 0, 0, '?', 0, 0, 0, 0}}
	_, _, err := compiled(channel{s, 7}, lookup{files: s}, nil)
	if err == nil || !strings.Contains(err.Error(), "asked more than 100000 questions") {
		t.Errorf("%v", err)
	}
}

func TestChannel(t *testing.T) {
	s := &script{max: 3}
	if err := (channel{s, 7}).send('q', []byte("0123456789")); err != nil || s.sent != 15 {
		t.Errorf("%d of 15 bytes were sent: %v", s.sent, err)
	}
	s = &script{in: []byte{'q', 3, 0, 0, 0, 'a', 'b', 'c', 'p'}}
	kind, body, err := channel{s, 7}.receive()
	if kind != 'q' || string(body) != "abc" || err != nil {
		t.Errorf("%q, %q, %v", kind, body, err)
	}
	if _, _, err := (channel{s, 7}).receive(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a header: %v", err)
	}
	s = &script{in: []byte{'q', 3, 0, 0, 0, 'a'}}
	if _, _, err := (channel{s, 7}).receive(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a body: %v", err)
	}
	if err := (channel{s, 7}).send('q', make([]byte, wire.MaxMessage+1)); err == nil {
		t.Error("a message that the other end refuses was sent")
	}
}
