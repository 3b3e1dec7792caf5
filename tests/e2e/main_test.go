package e2e

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/tests/e2e/victim"
	"github.com/bulkhead/bulkhead/tests/hangfs"
)

// place is where the tests run, set once by TestMain.
var place struct {
	root       string // of the repository
	supervisor string
	victim     string // executable by everybody, as is
	service    string // the web service of tests/service
}

const victimName = "bulkhead-victim"

func TestMain(m *testing.M) {
	hangfs.Serve()
	switch filepath.Base(os.Args[0]) {
	case victimName, "newuidmap", "newgidmap":
		os.Exit(victim.Main(os.Args[1:], os.Stdout))
	}
	status := 1
	err := ownRun()
	if err == nil {
		status, err = run(m)
		err = errors.Join(err, leaveRun())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		status = 1
	}
	os.Exit(status)
}

// run finds or builds the programs, runs the tests and looks for what they left.
func run(m *testing.M) (status int, err error) {
	unix.Umask(0o022) // a policy that others may write is refused
	dir, err := os.MkdirTemp("", "bulkhead-e2e-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil {
		return 1, err
	}
	if err := findPrograms(dir); err != nil {
		return 1, err
	}
	if !isRoot() {
		runtime := filepath.Join(dir, "run")
		if err := errors.Join(os.Mkdir(runtime, 0o700), os.Setenv("XDG_RUNTIME_DIR", runtime)); err != nil {
			return 1, err
		}
	}
	// What is ignored here, as under nohup(1), would be ignored by the programs, too; what is caught is not.
	for _, sig := range []os.Signal{unix.SIGHUP, unix.SIGINT} {
		if signal.Ignored(sig) {
			signal.Notify(make(chan os.Signal, 1), sig)
		}
	}
	// What loses its parent becomes a child of ours, so that it cannot hide.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return 1, fmt.Errorf("become a subreaper: %w", err)
	}
	before, err := takeStock()
	if err != nil {
		return 1, err
	}
	status = m.Run()
	if left := leftovers(before); len(left) > 0 {
		status = max(status, 1)
		for _, l := range left {
			err = errors.Join(err, errors.New("left behind: "+l))
		}
	}
	return status, err
}

func findPrograms(dir string) (err error) {
	if place.root, err = repository(); err != nil {
		return err
	}
	if place.supervisor = os.Getenv("BULKHEAD_BIN"); place.supervisor == "" {
		place.supervisor = filepath.Join(dir, "supervisor")
		err = build(place.supervisor, "CGO_ENABLED=1", "-ldflags", `-s -w -linkmode external -extldflags "-static"`, "./cmd/supervisor")
	} else {
		place.supervisor, err = filepath.Abs(place.supervisor)
	}
	if err != nil {
		return err
	}
	place.service = filepath.Join(dir, "service")
	if given := os.Getenv("BULKHEAD_SERVICE"); given != "" {
		err = install(given, place.service)
	} else {
		err = build(place.service, "CGO_ENABLED=0", "./tests/service")
	}
	if err != nil {
		return err
	}
	place.victim = filepath.Join(dir, victimName)
	if given := os.Getenv("BULKHEAD_VICTIM"); given != "" {
		return install(given, place.victim)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	static, err := isStatic(self)
	switch {
	case err != nil:
		return err
	case static:
		return install(self, place.victim)
	}
	return build(place.victim, "CGO_ENABLED=0", "./tests/victim")
}

// repository returns the top of the repository.
func repository() (string, error) {
	if given := os.Getenv("BULKHEAD_ROOT"); given != "" {
		return filepath.Abs(given)
	}
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := here; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("no go.mod in %s or above: run it inside of the repository, or set BULKHEAD_ROOT", here)
}

func build(out, cgo string, args ...string) error {
	cmd := exec.Command("go", append([]string{"build", "-tags", "netgo osusergo", "-o", out}, args...)...)
	cmd.Dir = place.root
	cmd.Env = append(os.Environ(), cgo)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", filepath.Base(out), err, text)
	}
	return nil
}

// isStatic tells whether a program runs without a loader.
func isStatic(path string) (bool, error) {
	f, err := elf.Open(path)
	if err != nil {
		return false, fmt.Errorf("read %s: %w", path, err)
	}
	defer f.Close()
	return !slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }), nil
}

// install copies a program to where everybody may execute it.
func install(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Chmod(0o755), out.Close())
}
