package early

import (
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// TestEntryNeedsNoStorageOfThreads: entry.c runs before there is any, whatever a distribution has its compiler add.
func TestEntryNeedsNoStorageOfThreads(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil || runtime.GOARCH != "amd64" {
		t.Skipf("there is no gcc for amd64 here, which compiles it (%v)", err)
	}
	list := exec.Command("go", "list", "-tags", "joined", "-f", `{{join .CgoCFLAGS " "}}`, ".")
	list.Env = append(list.Environ(), "CGO_ENABLED=1")
	ours, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		flags []string
		uses  bool
	}{
		{"with the flags of the package", strings.Fields(string(ours)), false},
		{"without them, or this test would find nothing", nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			argv := append([]string{"-S", "-O2", "-fstack-protector-all", "-o", "-", "-xc"}, c.flags...)
			// What the go command leaves out without the tag is compiled all the same.
			out, err := exec.Command("gcc", append(argv, "entry.c")...).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if !strings.Contains(string(out), "bulkhead_choose") {
				t.Fatalf("this is not what decides:\n%s", out)
			}
			if uses := strings.Contains(string(out), "%fs:"); uses != c.uses {
				t.Errorf("it uses the storage of its thread: %v, want %v\n%s", uses, c.uses, out)
			}
		})
	}
}
