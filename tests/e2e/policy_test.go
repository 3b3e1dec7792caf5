package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// module is a module of a policy that a test writes. The zero value runs the victim with all namespaces and a filter that
// ordinary programs pass.
type module struct {
	name    string   // default "m"
	command []string // default: the victim, doing nothing
	files   []string // entries of filesystem besides the victim's and /proc
	allow   []string // default @system-service
	deny    []string
	lines   []string // further keys
}

func (m module) text() string {
	if m.name == "" {
		m.name = "m"
	}
	if m.command == nil {
		m.command = []string{place.victim}
	}
	if m.allow == nil {
		m.allow = []string{`"@system-service"`}
	}
	files := append([]string{fmt.Sprintf("{path: %s, access: rx}", place.victim), "{path: /proc, proc: all}"}, m.files...)
	var b strings.Builder
	fmt.Fprintf(&b, "  %s:\n    command: [%s]\n", m.name, quoted(m.command))
	if !strings.Contains(strings.Join(m.lines, "\n"), "user:") {
		fmt.Fprintf(&b, "    user: nobody\n")
	}
	fmt.Fprintf(&b, "    namespaces: [mount, pid, ipc, uts, cgroup, network]\n    network: {mode: none}\n    capabilities: []\n    filesystem:\n")
	for _, f := range files {
		fmt.Fprintf(&b, "      - %s\n", f)
	}
	fmt.Fprintf(&b, "    seccomp:\n      architectures: [native]\n      default: errno ENOSYS\n      denied: errno EPERM\n      allow: [%s]\n", strings.Join(m.allow, ", "))
	if m.deny != nil {
		fmt.Fprintf(&b, "      deny: [%s]\n", strings.Join(m.deny, ", "))
	}
	for _, l := range m.lines {
		fmt.Fprintf(&b, "    %s\n", l)
	}
	return b.String()
}

func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(out, ", ")
}

// policy writes a policy with modules and returns its path. head are lines before the modules.
func policy(t testing.TB, head string, modules ...module) string {
	t.Helper()
	text := "version: 1\n" + head + "modules:\n"
	for _, m := range modules {
		text += m.text()
	}
	return writePolicy(t, text)
}

func writePolicy(t testing.TB, text string) string {
	t.Helper()
	return writeFile(t, filepath.Join(t.TempDir(), "policy.yaml"), text, 0o644)
}

// writeFile makes a file, with the mode that it shall have whatever the umask is.
func writeFile(t testing.TB, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// openDir makes a directory that everybody may enter. Only the directory itself counts: those above it are not in a module's root.
func openDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// shipped returns the path of a policy of the repository.
func shipped(name string) string { return filepath.Join(place.root, "policies", name+".yaml") }

// policyText is what policy writes, for one module.
func policyText(m module) string { return "version: 1\nmodules:\n" + m.text() }

// shippedFor returns a copy of a policy of the repository in which the victim can be executed.
func shippedFor(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(shipped(name))
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "    filesystem:\n", fmt.Sprintf("    filesystem:\n      - {path: %s, access: rx}\n", place.victim), 1)
	return writePolicy(t, changed)
}
