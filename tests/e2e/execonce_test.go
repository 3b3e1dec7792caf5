package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestExecOnce runs a static program under a policy that lets it start nothing, and has it try every way to start something.
func TestExecOnce(t *testing.T) {
	t.Parallel()
	p := noexecPolicy(t)
	const loader = "/lib64/ld-linux-x86-64.so.2"
	tries := []string{
		"execve:" + place.victim, "execveat:" + place.victim, "fexecve:" + place.victim, "memfd:" + place.victim,
		"guess:" + place.victim + ",0", "guess:" + place.victim + ",1", "guess:" + place.victim + ",0xffffffffffffffff",
		"guess:" + place.victim + ",random",
	}
	if _, err := os.Stat(loader); err == nil {
		tries = append(tries, "execve:"+loader+","+place.victim+",say:executed")
	}
	for _, try := range tries {
		// The program that replaces the victim says so, and nobody answers the attempt.
		if r := command(t, place.victim, try).run(t); r.status != 0 || r.stdout != "say:executed\tok\texecuted\n" {
			t.Errorf("%s proves nothing: outside status %d, output %q", try, r.status, r.stdout)
		}
	}
	for try, got := range inside(t, p, tries...) {
		if got.result != "EPERM" {
			t.Errorf("%s: %s %s, want EPERM", try, got.result, got.detail)
		}
		if strings.HasPrefix(try, "memfd") && got.detail != "execveat" {
			t.Errorf("%s was refused at %s already", try, got.detail)
		}
	}
	// With a loader in its root there is more to execute, and no more that can be.
	text := policyText(module{
		files: []string{"{path: /usr, access: rx}", "{path: /lib, access: rx}", "{path: /lib64, access: rx, if_exists: true}"},
		deny:  []string{"execve", "execveat"},
	})
	withLoader := writePolicy(t, text)
	for try, got := range inside(t, withLoader, append(tries, "execve:/bin/sh")...) {
		if got.result != "EPERM" {
			t.Errorf("with a loader in the root, %s: %s, want EPERM", try, got.result)
		}
	}
}

// TestExecAllowed is the counterpart: with a policy that allows exec, the same attempts start a program.
func TestExecAllowed(t *testing.T) {
	t.Parallel()
	p := policy(t, "", module{})
	for _, try := range []string{"execve:" + place.victim, "execveat:" + place.victim, "fexecve:" + place.victim} {
		if r := execVictim(t, p, try).run(t); r.status != 0 || r.stdout != "say:executed\tok\texecuted\n" {
			t.Errorf("%s: status %d, output %q\n%s", try, r.status, r.stdout, r.stderr)
		}
	}
}

// noexecPolicy is the shipped policy for a program that may start nothing, with the victim as the program.
func noexecPolicy(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(shipped("examples/noexec"))
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.NewReplacer("/opt/app/server", place.victim, "path: /opt/app,", fmt.Sprintf("path: %s,", place.victim)).Replace(string(text))
	if strings.Contains(changed[strings.Index(changed, "modules:"):], "/opt/app") {
		t.Fatalf("the policy names /opt/app in another way than it did:\n%s", changed)
	}
	return writePolicy(t, changed)
}
