package plancache

import (
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/errs"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/wire"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// TestMain fails when a test leaves something behind.
func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

// bed is a cache with a compile process that is played: it asks about what is written down, and makes a plan with a number that
// tells its plans apart.
type bed struct {
	*Cache
	t        *testing.T
	kernel   *world
	request  compile.Request
	program  Program
	asks     []string // "f/path", "uname"
	compiled int
	plan     func(n int) wire.Plan
	forge    func(question, answer []byte) []byte // changes what is recorded
}

// world is the kernel of this machine, a little different where a test wants it.
type world struct {
	posix.Core
	uname     func(*posix.Utsname)
	failWrite error
	onStat    func()
}

func (w *world) Uname() (posix.Utsname, error) {
	u, err := w.Core.Uname()
	if w.uname != nil {
		w.uname(&u)
	}
	return u, err
}

func (w *world) Write(fd posix.FD, p []byte) (int, error) {
	if w.failWrite != nil {
		return 0, w.failWrite
	}
	return w.Core.Write(fd, p)
}

func (w *world) Fstatat(dir posix.FD, path string, st *posix.Stat, flags int) error {
	if w.onStat != nil {
		w.onStat()
	}
	return w.Core.Fstatat(dir, path, st, flags)
}

// newBed returns a cache in a directory of the test's, which is not made yet, and a directory for files.
func newBed(t *testing.T) (*bed, string) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{t: t, kernel: &world{Core: errs.New(linux.New())}, plan: somePlan,
		program: Program{Version: "1", Stat: posix.Stat{Dev: 1, Ino: 2, Size: 3, Mtime: posix.Timespec{Sec: 4, Nsec: 5}, Ctime: posix.Timespec{Sec: 6, Nsec: 7}}},
		request: compile.Request{Sources: []compile.Source{{Name: "a.yaml", Dir: "/", Text: []byte("version: 1\n")}}, Exec: true, Command: []string{"/bin/true"}}}
	b.Cache = &Cache{Dir: filepath.Join(dir, "bulkhead", "plans"), Log: slog.New(slog.DiscardHandler)}
	b.identify = func(posix.Files, string) (Program, error) { return b.program, nil }
	b.run = b.play
	return b, dir
}

func somePlan(n int) wire.Plan {
	p := program.NewBuilder("web", "a.yaml")
	p.Call(program.Origin{}, "exit_group", unix.SYS_EXIT_GROUP, program.Int(n))
	return wire.Plan{Rendered: "a warning\n", Modules: []wire.Module{{Name: "web", Replicas: n, StopSignal: 15, Program: &p.Program}}}
}

// play is the compile process.
func (b *bed) play(k compile.Parent, _ *launch.Launcher, req compile.Request) (wire.Plan, compile.Record, error) {
	b.compiled++
	var r compile.Record
	for _, ask := range b.asks {
		e := &wire.Encoder{}
		e.U8(ask[0])
		e.String(ask[1:])
		answer, err := compile.Answer(k, req.Include, e.Bytes())
		if err != nil {
			return wire.Plan{}, r, err
		}
		if b.forge != nil {
			answer = b.forge(e.Bytes(), answer)
		}
		r.Exchanges = append(r.Exchanges, compile.Exchange{Question: e.Bytes(), Answer: answer})
	}
	r.Plan = b.plan(b.compiled).Encode()
	plan, err := wire.DecodePlan(r.Plan)
	return plan, r, err
}

// expect compiles the request and compares where the plan came from. Why has to contain why.
func (b *bed) expect(cached bool, why string) wire.Plan {
	b.t.Helper()
	before := b.compiled
	plan, how, err := b.Compile(b.kernel, nil, b.request)
	if err != nil {
		b.t.Fatal(err)
	}
	if how.Cached != cached || !strings.Contains(how.Why, why) || (b.compiled == before) != cached {
		b.t.Fatalf("cached %t (%s), %d compilations; want cached %t (%s)", how.Cached, how.Why, b.compiled-before, cached, why)
	}
	if want := b.plan(b.compiled); !cached && !reflect.DeepEqual(plan.Encode(), want.Encode()) {
		b.t.Fatal("it is not the plan that was compiled")
	}
	return plan
}

// entry returns the path of the only entry.
func (b *bed) entry() string {
	b.t.Helper()
	names, err := os.ReadDir(b.Dir)
	if err != nil || len(names) != 1 {
		b.t.Fatalf("%d entries (%v), want 1", len(names), err)
	}
	return filepath.Join(b.Dir, names[0].Name())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// errorPlan is a plan with an error.
func errorPlan(int) wire.Plan {
	return wire.Plan{Diagnostics: policy.Diagnostics{{Code: "E1", Message: "no", Severity: policy.SeverityError}}, Rendered: "no"}
}
