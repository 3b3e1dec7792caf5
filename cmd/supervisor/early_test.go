package main

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/bulkhead/bulkhead/spawner/compile"
)

// TestEarly: commands that somebody waits for do not wait for packages that they never use.
func TestEarly(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args  []string
		early bool
		says  string
	}{
		"exec":                     {[]string{"exec"}, true, "exec needs --policy FILE"},
		"exec in a user namespace": {[]string{"role:inside-userns:-1:000", "exec"}, true, "exec needs --policy FILE"},
		"the compile process":      {[]string{compile.Role}, true, "supervisor: compile: "},
		"another command":          {[]string{"-test.run=^$"}, false, "PASS"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(self, c.args...)
			cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
			out, _ := cmd.CombinedOutput() // the compile process misses its socket
			if !bytes.Contains(out, []byte(c.says)) {
				t.Errorf("it did not run:\n%s", out)
			}
			if !regexp.MustCompile(`(?m)^init runtime `).Match(out) {
				t.Fatalf("the runtime did not say what it initialised:\n%s", out)
			}
			slow := regexp.MustCompile(`(?m)^init (net/http|html/template|github.com/prometheus/client_golang/prometheus) @`).FindAll(out, -1)
			if c.early && len(slow) > 0 {
				t.Errorf("it waited for %q", slow)
			}
			if !c.early && len(slow) < 2 {
				t.Errorf("only %q were initialised; what is slow is called something else now", slow)
			}
		})
	}
}
