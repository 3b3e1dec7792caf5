package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// TestVerified: systemd takes the units that are made of the repository's policies.
func TestVerified(t *testing.T) {
	for _, name := range []string{"redis", "nginx"} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile("../../../policies/" + name + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			p, findings := policy.Parse(name+".yaml", text, policy.Options{Catalog: seccomp.Catalog(), Dir: "/etc/bulkhead",
				Variables: map[string]string{"POLICY_DIR": "/etc/bulkhead"}})
			if err := findings.Err(); err != nil {
				t.Fatal(err)
			}
			units, notes := Export(p)
			if len(notes) == 0 {
				t.Error("no notes, although execve stays allowed")
			}
			dir := t.TempDir()
			args := []string{"--man=no", "verify"}
			for _, u := range units {
				file := filepath.Join(dir, u.Name)
				if err := os.WriteFile(file, u.Text, 0o600); err != nil {
					t.Fatal(err)
				}
				args = append(args, file)
			}
			if !strings.Contains(string(units[0].Text), "\nSystemCallFilter=") {
				t.Errorf("no filter in %s", units[0].Text)
			}
			if _, err := exec.LookPath("systemd-analyze"); err != nil {
				t.Skip("systemd-analyze is not installed")
			}
			out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
			for line := range strings.Lines(string(out)) { // an older systemd leaves out calls it does not know; a program need not be installed
				if !strings.Contains(line, "Failed to parse system call, ignoring") && !strings.Contains(line, "is not executable") {
					t.Errorf("%v: %s", err, line)
				}
			}
		})
	}
}
