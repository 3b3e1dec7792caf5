package derive

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// elsewhere are calls that the runtime's sources have for these architectures, and that no program of ours makes.
var elsewhere = map[string]string{
	"brk":          "malloc.go asks for it in address spaces of 32 bits",
	"pipe2":        "nobody calls it on Linux",
	"socket":       "the log of Android",
	"connect":      "the log of Android",
	"faccessat":    "the log of Android",
	"epoll_pwait2": "a constant that nothing uses",
	"uname":        "os_linux32.go, for 32 bits",
}

// TestBaselineHasWhatTheRuntimeHas reads the runtime's sources again, so that a Go version with another call is noticed.
func TestBaselineHasWhatTheRuntimeHas(t *testing.T) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	src := filepath.Join(strings.TrimSpace(string(out)), "src")
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			known := map[string]bool{}
			for _, c := range append(append([]RuntimeCall{}, common...), baselines[arch]...) {
				if known[c.Name] {
					t.Errorf("%s is there twice", c.Name)
				}
				if known[c.Name] = true; c.Phase == "" || c.For == "" {
					t.Errorf("%s has no reason", c.Name)
				}
			}
			found := map[string]bool{}
			for file, pattern := range map[string]string{
				"runtime/sys_linux_" + arch + ".s":                          `\$SYS_(\w+)`,
				"internal/runtime/syscall/linux/defs_linux_" + arch + ".go": `(?m)^\s+SYS_(\w+)\s+=`,
			} {
				text, err := os.ReadFile(filepath.Join(src, file))
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
					name := strings.ToLower(m[1])
					if name == "setittimer" { // as the runtime writes it
						name = "setitimer"
					}
					found[name] = true
				}
			}
			if len(found) < 30 {
				t.Fatalf("found only %v: the test looks in the wrong place", found)
			}
			for name := range found {
				if !known[name] && elsewhere[name] == "" {
					t.Errorf("the runtime has %s, which the baseline does not", name)
				}
				if known[name] && elsewhere[name] != "" {
					t.Errorf("%s is in the baseline, and listed as one that nobody makes", name)
				}
			}
			for name := range known {
				if !found[name] && notInSource[name] == "" {
					t.Errorf("%s is in the baseline, and the runtime's sources do not have it", name)
				}
			}
		})
	}
	if _, err := Baseline("riscv64"); err == nil {
		t.Error("an architecture that nobody looked at has a baseline")
	}
}

// notInSource are calls that are made without their number in these files.
var notInSource = map[string]string{
	"prlimit64":       "package syscall makes it before main",
	"restart_syscall": "the kernel makes it",
	"rt_sigreturn":    "on arm64 the vDSO makes it",
}
