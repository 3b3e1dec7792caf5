package early

import (
	"go/build"
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
	with := build.Default // not `go list`: who runs this test need not have a go command of the right version
	with.BuildTags, with.CgoEnabled = append(with.BuildTags, "joined"), true
	ours, err := with.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		flags []string
		uses  bool
	}{
		{"with the flags of the package", ours.CgoCFLAGS, false},
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
