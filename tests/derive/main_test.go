package derive

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// place is where the programs are, set once by TestMain.
var place struct {
	root       string // of the repository
	dir        string // of what is built; everybody may enter
	supervisor string
	deriver    string
}

// limit is how long anything may take that a test starts.
const limit = 2 * time.Minute

func TestMain(m *testing.M) {
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "derive:", err)
		status = 1
	}
	os.Exit(status)
}

func run(m *testing.M) (status int, err error) {
	unix.Umask(0o022) // a policy that others may write is refused
	if place.root, err = filepath.Abs(filepath.Join("..", "..")); err != nil {
		return 1, err
	}
	if place.dir, err = os.MkdirTemp("", "bulkhead-derive-"); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(place.dir)) }()
	if err := os.Chmod(place.dir, 0o755); err != nil {
		return 1, err
	}
	if os.Geteuid() != 0 {
		if err := os.Setenv("XDG_RUNTIME_DIR", place.dir); err != nil {
			return 1, err
		}
	}
	if place.supervisor = os.Getenv("BULKHEAD_BIN"); place.supervisor == "" {
		place.supervisor, err = built("supervisor", "CGO_ENABLED=1", "-ldflags", `-s -w -linkmode external -extldflags "-static"`, "./cmd/supervisor")
	} else {
		place.supervisor, err = filepath.Abs(place.supervisor)
	}
	if err == nil {
		place.deriver, err = built("posixderive", "CGO_ENABLED=0", "./cmd/posixderive")
	}
	if err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// built builds a program of this repository and returns its path.
func built(name, cgo string, args ...string) (string, error) {
	out := filepath.Join(place.dir, name)
	cmd := exec.Command("go", append([]string{"build", "-tags", "netgo osusergo", "-o", out}, args...)...)
	cmd.Dir = place.root
	cmd.Env = append(os.Environ(), cgo)
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, text)
	}
	return out, nil
}

// static builds a program of tests/testdata, without C.
func static(t *testing.T, name string) string {
	t.Helper()
	out, err := built(name, "CGO_ENABLED=0", "./tests/testdata/"+name)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// policy writes a policy with one module, which has the program's folder and the host's network, and returns its path. keys are of
// the module, head stands before it.
func policy(t *testing.T, head string, command []string, keys ...string) string {
	t.Helper()
	text := "version: 1\n" + head + "modules:\n  m:\n" +
		"    command: [" + strings.Join(command, ", ") + "]\n    user: nobody\n    namespaces: [mount, pid, ipc, uts, cgroup]\n" +
		"    network: {mode: host}\n    capabilities: []\n    filesystem: [{path: " + place.dir + ", access: rx}]\n"
	for _, k := range keys {
		text += "    " + k + "\n"
	}
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// exactly is a filter that kills whoever makes another call.
func exactly(calls []string) string {
	return "seccomp: {architectures: [native], default: kill_process, denied: kill_process, allow: [" + strings.Join(calls, ", ") + "]}"
}

// without returns a list without one of its calls.
func without(t *testing.T, calls []string, call string) (out []string) {
	t.Helper()
	for _, c := range calls {
		if c != call {
			out = append(out, c)
		}
	}
	if len(out) != len(calls)-1 {
		t.Fatalf("%s is not in the list %v", call, calls)
	}
	return out
}

// killed is the exit status of a program that its filter killed.
const killed = 128 + int(unix.SIGSYS)
