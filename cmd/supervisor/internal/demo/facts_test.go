package demo

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestReadNamespaces(t *testing.T) {
	dir := t.TempDir()
	for link, target := range map[string]string{"user": "user:[4026531837]", "pid": "pid:[4026532200]", "net": "net:[4026531833]"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readNamespaces(dir)
	want := []Namespace{{"user", "4026531837", true}, {"pid", "4026532200", false}, {"network", "4026531833", true}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "uts")); err != nil {
		t.Fatal(err)
	}
	if _, err := readNamespaces(dir); err == nil || !strings.Contains(err.Error(), "uts") {
		t.Errorf("a link to something else: %v", err)
	}
	if got, err := readNamespaces(ownProc + "/ns"); err != nil || len(got) < 7 {
		t.Errorf("the own ones: %+v, %v", got, err)
	}
}

func TestReadLimits(t *testing.T) {
	for version, files := range map[string]map[string]string{
		"1":       {"memory/memory.limit_in_bytes": "67108864\n", "pids/pids.max": "32\n", "cpu/cpu.cfs_quota_us": "50000\n"},
		"2":       {"memory.max": "67108864\n", "cpu.max": "50000 100000\n", "pids.max": "32\n"},
		"nothing": {},
	} {
		root := t.TempDir()
		for name, text := range files {
			path := filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got := readLimits(root)
		if len(got) != len(files) || got == nil {
			t.Errorf("version %s: %+v", version, got)
		}
		for _, l := range got {
			name, _ := filepath.Rel(root, l.File)
			if l.Value != strings.TrimSpace(files[name]) || l.Means == "" {
				t.Errorf("version %s: %+v", version, l)
			}
		}
	}
}

func TestReadDescriptors(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	got, err := readDescriptors(ownProc + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(got, func(d Descriptor) bool { return d.FD == int(r.Fd()) })
	if i < 0 || !strings.HasPrefix(got[i].Target, "pipe:[") {
		t.Errorf("the pipe %d is not in %+v", r.Fd(), got)
	}
	if !slices.IsSortedFunc(got, func(a, b Descriptor) int { return a.FD - b.FD }) {
		t.Errorf("not sorted: %+v", got)
	}
	if slices.ContainsFunc(got, func(d Descriptor) bool { return strings.HasSuffix(d.Target, "/fd") }) {
		t.Errorf("the descriptor of the reading itself is shown: %+v", got)
	}
	if _, err := readDescriptors(t.TempDir() + "/gone"); err == nil {
		t.Error("no error for a directory that is not there")
	}
}

func TestReadRlimits(t *testing.T) {
	got, err := readRlimits()
	if err != nil || len(got) != len(rlimits) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if n, err := strconv.Atoi(got[0].Hard); got[0].Name != "nofile" || err != nil || n < 16 {
		t.Errorf("nofile: %+v", got[0])
	}
	if limitText(^uint64(0)) != "unlimited" || limitText(1024) != "1024" {
		t.Error("limits are not in words")
	}
}
