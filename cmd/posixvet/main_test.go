package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// build returns the path of the program, made of this tree.
func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "posixvet")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// goVet runs go vet with the program, in the root of the repository.
func goVet(bin string, args ...string) (string, error) {
	cmd := exec.Command("go", append([]string{"vet", "-vettool=" + bin, "-tags=netgo osusergo"}, args...)...)
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestPlantedCall adds one direct call to packages that are clean, in a library, in the privileged process and in main.
func TestPlantedCall(t *testing.T) {
	bin := build(t)
	folders := map[string]string{"core/event": "event", "spawner/wire": "wire", "cmd/supervisor": "main"}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	var packages []string
	for folder, name := range folders {
		packages = append(packages, "./"+folder)
		planted := filepath.Join(dir, name+".go")
		text := "package " + name + "\n\nimport \"golang.org/x/sys/unix\"\n\n" +
			"// parent is planted.\nfunc parent() int { return unix.Getppid() }\n\nvar _ = parent\n"
		if err := os.WriteFile(planted, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[filepath.Join(root, filepath.FromSlash(folder), "planted.go")] = planted
	}
	text, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := goVet(bin, packages...); err != nil {
		t.Fatalf("without anything planted: %v\n%s", err, out)
	}
	out, err := goVet(bin, append([]string{"-overlay=" + filepath.Join(dir, "overlay.json")}, packages...)...)
	if err == nil {
		t.Errorf("go vet succeeds with a planted call\n%s", out)
	}
	for _, name := range folders {
		if !strings.Contains(out, name+".go:6:") {
			t.Errorf("no finding at %s.go:6", name)
		}
	}
	const finding = "golang.org/x/sys/unix.Getppid makes system calls outside of posix.Core: use posix.Processes.Getppid"
	if n := strings.Count(out, finding); n != len(folders) {
		t.Errorf("%d findings, want %d", n, len(folders))
	}
	if t.Failed() {
		t.Log(out)
	}
}

func TestListOfThisRepository(t *testing.T) {
	cmd := exec.Command(build(t), "leaks", filepath.Join("..", ".."))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"sandbox/cgroup/containerd/doc.go:", "github.com/containerd/cgroups/v3/cgroup2.*", "github.com/seccomp/libseccomp-golang.*", "net/http.*", "os/signal.Notify",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%s is not in the list", want)
		}
	}
	for line := range strings.Lines(string(out)) {
		if len(strings.Fields(line)) < 3 {
			t.Errorf("a line without a reason: %q", line)
		}
	}
}
