package tests

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/bulkhead/bulkhead"

// source is one parsed file of the repository.
type source struct {
	path    string // from the root of the repository
	folder  string
	test    bool
	ast     *ast.File
	imports map[string]string // import path → the name that the file has for it
}

// sources parses every Go file of the repository.
func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	fset := token.NewFileSet()
	err := filepath.WalkDir("..", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != ".." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "bin"):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(p) != ".go":
			return nil
		}
		f, err := parser.ParseFile(fset, p, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		p = filepath.ToSlash(strings.TrimPrefix(p, ".."+string(filepath.Separator)))
		s := source{path: p, folder: path.Dir(p), test: strings.HasSuffix(p, "_test.go"), ast: f, imports: map[string]string{}}
		for _, i := range f.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			s.imports[name] = path.Base(name)
			if i.Name != nil {
				s.imports[name] = i.Name.Name
			}
		}
		out = append(out, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// The test looks in the right place when it sees what it is about.
	for _, must := range []string{"posix/core.go", "posix/linux/files.go", "sandbox/policy/parse.go", "spawner/wire/plan.go", "cmd/supervisor/main.go"} {
		if !slices.ContainsFunc(out, func(s source) bool { return s.path == must }) {
			t.Fatalf("%s is not among the %d files that were found", must, len(out))
		}
	}
	return out
}

// below tells whether a folder is in one of a list; "posix/..." is it and all below, "posix" it alone, "*" any.
func below(folder string, patterns ...string) bool {
	for _, p := range patterns {
		top, all := strings.CutSuffix(p, "/...")
		if p == "*" || folder == top || all && strings.HasPrefix(folder, top+"/") {
			return true
		}
	}
	return false
}

// edges are the imports among our own packages that are forbidden, with the reason. except is what may be imported all the same, or
// where from is everybody, who may; but may, whatever else is said. The source is the table of folders in ARCHITECTURE.md.
var edges = []struct {
	from, to, except []string
	but              []string
	why              string
}{
	{from: []string{"posix"}, to: []string{"*"},
		why: "whoever takes an interface from posix takes nothing else"},
	{from: []string{"posix/bpf"}, to: []string{"*"},
		why: "it evaluates filters in plain Go, so that the kernel of the mocks can as well"},
	{from: []string{"posix/..."}, to: []string{"*"}, except: []string{"posix", "posix/bpf"}, but: []string{"posix/stack", "posix/internal/trial"},
		why: "decorators and the adapter know the interface, not each other and not who uses them: their order is the caller's"},
	{from: []string{"sandbox/policy"}, to: []string{"*"},
		why: "the language is readable by tools that have nothing to do with a kernel"},
	{from: []string{"sandbox/..."}, to: []string{"spawner/...", "core/...", "policies/...", "cmd/...", "tests/..."},
		why: "the sandbox says what to do; who does it is above"},
	{from: []string{"spawner/..."}, to: []string{"core/...", "policies/...", "cmd/...", "tests/..."},
		why: "the privileged process is small, and takes nothing from the unprivileged one but messages"},
	{from: []string{"spawner/wire"}, to: []string{"spawner/..."},
		why: "messages are read by both sides: they must not bring the privileged one along"},
	{from: []string{"core/..."}, to: []string{"spawner/..."}, except: []string{"spawner/wire"},
		why: "core and spawner meet only in spawner/wire"},
	{from: []string{"core/..."}, to: []string{"sandbox/...", "policies/...", "cmd/...", "tests/..."}, but: []string{"core/policy/..."},
		why: "core decides; it compiles nothing and opens nothing"},
	{from: []string{"core/policy/..."}, to: []string{"*"}, except: []string{"core/policy/...", "sandbox/policy", "sandbox/seccomp", "posix/bpf"},
		why: "the workbench computes with policies and filters; files and processes are its caller's"},
	{from: []string{"*"}, to: []string{"core/policy/..."}, except: []string{"core/policy/...", "cmd/..."},
		why: "the workbench is for people; nothing that runs modules depends on it"},
	{from: []string{"mocks/..."}, to: []string{"*"}, except: []string{"posix", "posix/bpf", "mocks/..."},
		why: "whoever tests against the mocks gets the interface and nothing of the supervisor"},
	{from: []string{"policies/..."}, to: []string{"*"},
		why: "policies are data"},
	{from: []string{"*"}, to: []string{"mocks/..."}, except: []string{"mocks/..."},
		why: "production code never runs on a mock"},
	{from: []string{"*"}, to: []string{"posix/errs", "posix/log", "posix/metrics", "posix/retry", "posix/fault"},
		except: []string{"posix/stack", "cmd/..."},
		why:    "nobody but cmd picks decorators, alone or as the stack of them"},
	{from: []string{"posix/...", "sandbox/...", "spawner/...", "core/...", "mocks/...", "policies/..."},
		to:  []string{"posix/linux", "posix/record", "posix/stack"},
		why: "nobody but cmd picks an implementation and its decorators"},
	{from: []string{"*"}, to: []string{"posix/restrict"}, except: []string{"spawner", "posix/stack", "posix/internal/trial", "cmd/..."},
		why: "a process writes its list of operations in one place; it is data, from which cmd makes the decorator"},
	{from: []string{"*"}, to: []string{"tests/..."}, except: []string{"tests/..."},
		why: "tests are not part of the product"},
}

// forbidden returns why one folder must not import another, or "".
func forbidden(from, to string) string {
	if from == to || below(from, "tests/...") {
		return "" // tests put anything together
	}
	for _, e := range edges {
		if below(from, e.but...) {
			continue
		}
		excepted := below(to, e.except...)
		if slices.Contains(e.from, "*") {
			excepted = below(from, e.except...)
		}
		if below(from, e.from...) && below(to, e.to...) && !excepted {
			return e.why
		}
	}
	return ""
}

func TestImportDirection(t *testing.T) {
	checked := 0
	for _, s := range sources(t) {
		if s.test {
			continue // a test may put the parts together
		}
		for name := range s.imports {
			to, ours := strings.CutPrefix(name, module+"/")
			if !ours {
				continue
			}
			checked++
			if why := forbidden(s.folder, to); why != "" {
				t.Errorf("%s imports %s: %s", s.path, to, why)
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d imports were looked at", checked)
	}
}

// TestForbiddenEdges: the rules say no where they should, and yes where they should.
func TestForbiddenEdges(t *testing.T) {
	for _, e := range [][2]string{
		{"posix", "posix/linux"}, {"posix/errs", "posix/linux"}, {"posix/errs", "posix/log"}, {"posix/stack", "posix/linux"},
		{"posix/log", "posix/stack"}, {"spawner", "posix/stack"}, {"spawner", "posix/retry"}, {"posix/bpf", "posix"}, {"posix/linux", "sandbox/host"},
		{"sandbox/policy", "posix"}, {"sandbox/seccomp", "spawner/wire"}, {"sandbox", "posix/linux"}, {"spawner", "core/loop"}, {"spawner/launch", "posix/errs"},
		{"core/loop", "spawner"}, {"core/loop", "spawner/launch"}, {"core/loop", "sandbox"}, {"spawner/wire", "spawner/launch"}, {"mocks/kernel", "posix/linux"},
		{"core", "core/policy/audit"}, {"core/policy/audit", "posix"}, {"core/policy/audit", "spawner/wire"}, {"spawner", "core/policy"},
		{"cmd/supervisor", "mocks"}, {"cmd/supervisor", "tests/e2e/victim"}, {"policies", "posix"}, {"spawner/launch", "posix/restrict"}, {"spawner", "policies"}, {"spawner", "cmd/supervisor"},
	} {
		if forbidden(e[0], e[1]) == "" {
			t.Errorf("%s may import %s", e[0], e[1])
		}
	}
	for _, e := range [][2]string{
		{"posix/linux", "posix"}, {"posix/stack", "posix/errs"}, {"posix/stack", "posix/restrict"}, {"cmd/supervisor", "posix/retry"},
		{"core/policy/audit", "sandbox/seccomp"}, {"core/policy/audit", "core/policy/call"}, {"cmd/supervisor", "core/policy/audit"},
		{"sandbox", "posix"}, {"sandbox", "sandbox/policy"}, {"spawner", "sandbox/cgroup"}, {"spawner/wire", "sandbox/program"},
		{"core/loop", "spawner/wire"}, {"core/loop", "posix"}, {"mocks/kernel", "posix/bpf"}, {"mocks/kernel", "mocks"}, {"cmd/supervisor", "posix/linux"},
		{"cmd/supervisor", "policies"}, {"tests/bench", "posix/linux"}, {"spawner", "posix/restrict"}, {"tests/e2e", "mocks"}, {"posix/record", "posix/bpf"}, {"spawner/launch", "spawner/launch/pidinit"},
	} {
		if why := forbidden(e[0], e[1]); why != "" {
			t.Errorf("%s may not import %s: %s", e[0], e[1], why)
		}
	}
}

// homes are the foreign libraries that only certain folders know, so that each can be exchanged in one place.
var homes = map[string]struct {
	folders []string
	why     string
}{
	"github.com/seccomp/libseccomp-golang":   {[]string{"sandbox/seccomp/libseccomp"}, "the only cgo of the project"},
	"github.com/containerd/cgroups/v3":       {[]string{"sandbox/cgroup/containerd"}, "it writes files by itself"},
	"github.com/prometheus/client_golang":    {[]string{"posix/metrics", "core/control"}, "metrics are a decorator, and what the control API shows; nothing else counts by itself"},
	"github.com/goccy/go-yaml":               {[]string{"sandbox/policy", "core/policy/..."}, "text of policies is parsed in the confined process only"},
	"github.com/spf13/cobra":                 {[]string{"cmd/..."}, "command lines are for commands"},
	"go.uber.org/mock":                       {[]string{"mocks/..."}, "mocks"},
	"golang.org/x/tools":                     {[]string{"cmd/...", "posix/vet", "posix/derive"}, "tools that look at source"},
	"github.com/opencontainers/runtime-spec": {[]string{"sandbox/cgroup/containerd"}, "its types, for the library of control groups"},
	"github.com/coreos/go-systemd":           {[]string{"tests/service"}, "it stands for the programs of others, which speak systemd's protocols"},
	"net/http":                               {[]string{"core/...", "cmd/supervisor/internal/demo", "tests/..."}, "the privileged process speaks no HTTP"},
	"C":                                      {[]string{"sandbox/seccomp/libseccomp", "cmd/supervisor/internal/early"}, "cgo only in the leaf that links libseccomp, and before the Go runtime starts"},
	"reflect": {[]string{"cmd/...", "mocks/...", "posix/record", "posix/internal/trial"},
		"wire formats and decorators are written or generated, not reflected, but for recordings, where no call is fast"},
}

func TestForeignLibrariesHaveOneHome(t *testing.T) {
	used := map[string]bool{}
	for _, s := range sources(t) {
		for name := range s.imports {
			for lib, home := range homes {
				if name != lib && !strings.HasPrefix(name, lib+"/") {
					continue
				}
				used[lib] = used[lib] || !s.test
				if !s.test && !below(s.folder, home.folders...) {
					t.Errorf("%s imports %s, which only %v may: %s", s.path, name, home.folders, home.why)
				}
				if lib == "C" && s.test && !below(s.folder, home.folders...) {
					t.Errorf("%s uses cgo: %s", s.path, home.why)
				}
			}
		}
	}
	for _, lib := range []string{"github.com/seccomp/libseccomp-golang", "github.com/goccy/go-yaml", "github.com/spf13/cobra"} {
		if !used[lib] {
			t.Errorf("nobody imports %s: the test looks in the wrong place", lib)
		}
	}
}

// TestUnsafeIsNamed: a file that uses unsafe says so in its name, so that a reviewer sees it in the list of files.
func TestUnsafeIsNamed(t *testing.T) {
	found := 0
	for _, s := range sources(t) {
		if _, ok := s.imports["unsafe"]; !ok {
			continue
		}
		found++
		if !s.test && !strings.HasSuffix(s.path, "_unsafe.go") {
			t.Errorf("%s uses unsafe; its name does not end with _unsafe.go", s.path)
		}
		// STYLE: each has a comment that says why it is sound.
		if !s.test && len(s.ast.Comments) == 0 {
			t.Errorf("%s uses unsafe and does not say why that is sound", s.path)
		}
	}
	if found == 0 {
		t.Error("no file uses unsafe: the test looks in the wrong place")
	}
}

// initFunctions are those that there are, with the reason.
var initFunctions = map[string]string{
	"cmd/supervisor/internal/early/early.go": "it is the main of two roles, before what they do not use is initialised: docs/decisions/0010",
	"spawner/launch/launcher_test.go":        "only before main begins is it certain which thread is the main one, and the tests must not launch on it",
}

// TestNoInitFunctions: what runs before main is nobody's decision. Tables are explicit.
func TestNoInitFunctions(t *testing.T) {
	found := map[string]bool{}
	for _, s := range sources(t) {
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				found[s.path] = true
				if initFunctions[s.path] == "" {
					t.Errorf("%s has an init function", s.path)
				}
			}
		}
	}
	for path := range initFunctions {
		if !found[path] {
			t.Errorf("%s has no init function any more: remove it from the list", path)
		}
	}
}

// TestPackagesSayWhatTheyDo: every package has one package comment, which begins as a user reads it first.
func TestPackagesSayWhatTheyDo(t *testing.T) {
	docs := map[string][]string{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		if _, ok := docs[s.folder]; !ok {
			docs[s.folder] = nil
		}
		if s.ast.Doc == nil || strings.HasPrefix(s.ast.Doc.Text(), "Code generated") {
			continue
		}
		docs[s.folder] = append(docs[s.folder], s.path)
		want := "Package " + s.ast.Name.Name + " "
		if s.ast.Name.Name == "main" {
			want = "Command " + path.Base(s.folder) + " "
		}
		if !strings.HasPrefix(s.ast.Doc.Text(), want) {
			t.Errorf("%s: the package comment does not begin with %q", s.path, want)
		}
	}
	for folder, files := range docs {
		if len(files) != 1 {
			t.Errorf("%s has %d package comments: %v", folder, len(files), files)
		}
	}
}

// TestMain names the place: the tests read the sources of the tree that they are in.
func TestMain(m *testing.M) {
	if _, err := os.Stat(filepath.Join("..", "go.mod")); err != nil {
		fmt.Fprintln(os.Stderr, "tests: not in the tests folder of the repository:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
