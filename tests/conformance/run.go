package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Process is what a case is given.
type Process struct {
	Core posix.Core
	// Dir is an empty directory on a tmpfs, owned by the process.
	Dir string
	// Helper is a program that runs [Helper] when it is executed with the name conformance-helper as argv[0].
	Helper string
}

// Implementation is what the suite runs on.
type Implementation struct {
	Name string
	// Start returns a process for one case, and arranges with t.Cleanup that nothing of it is left.
	Start func(t testing.TB) Process
	// Alone runs the case with this title in a process of its own; nil when each call of Start returns another process.
	Alone func(t testing.TB, title string)
}

// Run runs every case that the process can run, as a subtest NAME/OP/CASE, and logs how many ran for each method.
func Run(t *testing.T, impl Implementation) {
	ran := map[posix.Op]int{}
	for _, c := range Cases() {
		t.Run(impl.Name+"/"+c.title(), func(t *testing.T) {
			process := impl.Start(t)
			if why := c.refuses(process.Core); why != "" {
				t.Skip(why)
			}
			ran[c.Op]++
			if c.Alone && impl.Alone != nil {
				impl.Alone(t, c.title())
				return
			}
			run(t, &c, process)
		})
	}
	report(t, impl.Name, ran)
}

// refuses returns why a process cannot run the case, empty when it can.
func (c *Case) refuses(core posix.Core) string {
	switch euid := core.Geteuid(); {
	case c.Need == Root && euid != 0:
		return fmt.Sprintf("needs user 0, and this is user %d", euid)
	case c.Need == User && euid == 0:
		return "needs another user than 0"
	}
	return ""
}

func run(r reporter, c *Case, process Process) {
	r.Helper()
	t := &T{Core: process.Core, Path: process.Dir, reporter: r, helper: process.Helper}
	defer t.finish()
	t.Dir = t.FD(t.Core.Openat2(posix.AtFDCWD, process.Dir, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC}))
	c.Run(t)
}

// report logs how many cases ran for each method, and appends that to the file that is named by the environment, a line for each.
func report(t *testing.T, name string, ran map[posix.Op]int) {
	t.Helper()
	var b strings.Builder
	total := 0
	for _, op := range posix.Ops() {
		total += ran[op]
		fmt.Fprintf(&b, "%s %s %d\n", name, op, ran[op])
	}
	t.Logf("%s: %d cases of %d methods", name, total, len(ran))
	path := os.Getenv(envCounts)
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(b.String()); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// envCounts names a file that gets how many cases ran: lines of implementation, operation and number.
const envCounts = "BULKHEAD_CONFORMANCE_COUNTS"

// Environment of a re-executed test binary: which case to run, and where.
const (
	envCase = "BULKHEAD_CONFORMANCE_CASE"
	envDir  = "BULKHEAD_CONFORMANCE_DIR"
)

// Main is for TestMain of a package that runs the suite on an implementation whose processes are those of the host. core is what
// the helper and the cases that run alone call.
func Main(m *testing.M, core posix.Core) {
	if len(os.Args) > 0 && filepath.Base(os.Args[0]) == helperName { // a script has it as its interpreter, with a path
		os.Exit(Helper(core, os.Args))
	}
	if title := os.Getenv(envCase); title != "" {
		os.Exit(alone(core, title, os.Getenv(envDir)))
	}
	os.Exit(m.Run())
}

// The exit statuses of a case that runs alone.
const (
	statusFailed  = 1
	statusSkipped = 77
)

// alone runs one case in this process, on a thread that is not used for anything else, and returns the exit status.
func alone(core posix.Core, title, dir string) int {
	helper, err := os.Executable()
	if err != nil {
		fmt.Println(err)
		return statusFailed
	}
	for _, c := range Cases() {
		if c.title() != title {
			continue
		}
		p := &printer{}
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread() // for ever: what the case does to the thread ends with it
			run(p, &c, Process{Core: core, Dir: dir, Helper: helper})
		}()
		<-done
		return p.status
	}
	fmt.Printf("no case %q\n", title)
	return statusFailed
}

// printer reports to standard output.
type printer struct{ status int }

func (p *printer) Helper()                         {}
func (p *printer) Logf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (p *printer) Errorf(format string, args ...any) {
	p.Logf(format, args...)
	p.status = statusFailed
}

func (p *printer) Fatalf(format string, args ...any) {
	p.Errorf(format, args...)
	runtime.Goexit()
}

func (p *printer) Skipf(format string, args ...any) {
	p.Logf(format, args...)
	if p.status == 0 {
		p.status = statusSkipped
	}
	runtime.Goexit()
}
