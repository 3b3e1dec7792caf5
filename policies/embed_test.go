package policies_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/policies"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// Every policy file of the folder is embedded under the name of its path.
func TestEveryFileIsEmbedded(t *testing.T) {
	var want []string
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".yaml" {
			want = append(want, strings.TrimSuffix(path, ".yaml"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if got := policies.Names(); !slices.Equal(got, want) {
		t.Errorf("embedded: %v; in the folder: %v", got, want)
	}
	for _, name := range want {
		got, err := policies.Open(name)
		if err != nil {
			t.Error(err)
			continue
		}
		file, err := os.ReadFile(name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(file) {
			t.Errorf("%s: the embedded text is not that of the file", name)
		}
	}
}

func TestOpenWhatIsNotThere(t *testing.T) {
	for _, name := range []string{"", "demo.yaml", "../policies/demo", "/demo", "examples", "Demo", "demo\x00"} {
		text, err := policies.Open(name)
		if text != nil || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "demo, examples/") {
			t.Errorf("Open(%q) = %d bytes, %v; want no text and an error that lists the names", name, len(text), err)
		}
	}
}

// Every policy that ships is read without an error and without a warning.
func TestEveryPolicyIsClean(t *testing.T) {
	for _, name := range policies.Names() {
		t.Run(name, func(t *testing.T) {
			p, findings := parse(t, name)
			if len(findings) > 0 {
				t.Errorf("%d findings, the first: %v", len(findings), findings[0])
			}
			if p == nil {
				t.Fatal("no policy came back")
			}
			if !p.Kernel.Set() {
				t.Error("it does not say for which kernel it is")
			}
			for _, m := range p.Modules {
				if !m.User.Set() && !m.DynamicUser.V {
					t.Errorf("module %s names no user, so root could not run it", m.Name)
				}
				if len(m.Capabilities) != 0 {
					t.Errorf("module %s has capabilities: %v", m.Name, m.Capabilities)
				}
			}
		})
	}
}

func parse(t *testing.T, name string) (*policy.Policy, policy.Diagnostics) {
	t.Helper()
	text, err := policies.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	return policy.Parse(name+".yaml", text, policy.Options{
		Catalog:   seccomp.Catalog(),
		Variables: map[string]string{"SUPERVISOR": "/opt/bulkhead/supervisor", "POLICY_DIR": "/opt/bulkhead/policies"},
		Dir:       "/opt/bulkhead/policies",
	})
}
