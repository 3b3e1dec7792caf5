package e2e

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	docker "github.com/moby/profiles/seccomp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// TestWorkbench runs the scripts of testdata/workbench: `supervisor STATUS ARGUMENT…` is the program, which has to end with that status,
// and $ROOT is the repository.
func TestWorkbench(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join(place.root, "tests/e2e/testdata/workbench"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("ROOT", place.root)
			if err := dockerProfile(e.WorkDir); err != nil {
				return err
			}
			return rawFilters(e.WorkDir)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"supervisor": supervisorCommand},
	})
}

func supervisorCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: supervisor STATUS ARGUMENT…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(place.supervisor, args[1:]...)
	status := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		status = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if status != want {
		ts.Fatalf("status %d, want %d", status, want)
	}
}

// dockerProfile writes Docker's default profile, docker.json.
func dockerProfile(dir string) error {
	text, err := json.MarshalIndent(docker.DefaultProfile(), "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "docker.json"), text, 0o600)
}

// rawFilters writes filters that no policy has: open.bpf allows every call of every architecture but one, and jump.bpf jumps out of itself.
func rawFilters(dir string) error {
	ret := func(answer uint32) bpf.Instruction { return bpf.Instruction{Code: bpf.RET | bpf.K, K: answer} }
	for name, p := range map[string]bpf.Program{
		"open.bpf": {{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetNr}, {Code: bpf.JMP | bpf.JEQ | bpf.K, JF: 1, K: 101}, ret(bpf.RetErrno | 1), ret(bpf.RetAllow)},
		"jump.bpf": {{Code: bpf.JMP | bpf.JEQ | bpf.K, JT: 200}, ret(bpf.RetAllow)},
	} {
		var text []byte
		for _, in := range p {
			text = binary.NativeEndian.AppendUint16(text, in.Code)
			text = binary.NativeEndian.AppendUint32(append(text, in.JT, in.JF), in.K)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}
