package source

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// Each case changes one thing about a file that is trusted as it is: d/web.yaml, reached through the link d/link/current to ../real.
func TestRule(t *testing.T) {
	for _, c := range []struct {
		name  string
		alter func(t *testing.T, k *altered, dir string)
		open  string // default d/web.yaml
		rule  Rule   // 0: it is accepted
		at    string // what the error names
		says  []string
	}{
		{name: "as it is"},
		{name: "through a link", open: "link/current/web.yaml"},
		{
			name: "others may write the file", rule: RuleOthersWrite, at: "d/web.yaml", says: []string{"anybody", "mode 0646", "chmod o-w "},
			alter: func(t *testing.T, _ *altered, dir string) { chmod(t, dir+"/d/web.yaml", 0o646) },
		},
		{
			name: "the group may write the file", rule: RuleGroupWrite, at: "d/web.yaml", says: []string{"its group", "mode 0664", "chmod g-w "},
			alter: func(t *testing.T, _ *altered, dir string) { chmod(t, dir+"/d/web.yaml", 0o664) },
		},
		{
			name: "both may write the file", rule: RuleOthersWrite, at: "d/web.yaml", says: []string{"chmod go-w "},
			alter: func(t *testing.T, _ *altered, dir string) { chmod(t, dir+"/d/web.yaml", 0o666) },
		},
		{
			name: "others may only write, not read", rule: RuleOthersWrite, at: "d/web.yaml",
			alter: func(t *testing.T, _ *altered, dir string) { chmod(t, dir+"/d/web.yaml", 0o602) },
		},
		{
			name: "a sticky file that others may write", rule: RuleOthersWrite, at: "d/web.yaml", says: []string{"mode 1646"},
			alter: func(t *testing.T, _ *altered, dir string) { chmod(t, dir+"/d/web.yaml", 0o1646) },
		},
		{
			name: "others may write the directory", rule: RuleOthersWrite, at: "d", says: []string{"what is in it", "chmod o-w "},
			alter: func(t *testing.T, _ *altered, dir string) { chmod(t, dir+"/d", 0o757) },
		},
		{
			name: "the group may write the directory", rule: RuleGroupWrite, at: "d",
			alter: func(t *testing.T, _ *altered, dir string) { chmod(t, dir+"/d", 0o775) },
		},
		{
			name: "others may write a directory further up", rule: RuleOthersWrite, at: "",
			alter: func(t *testing.T, _ *altered, dir string) { chmod(t, dir, 0o777) },
		},
		{
			name:  "a sticky directory",
			alter: func(t *testing.T, _ *altered, dir string) { chmod(t, dir+"/d", 0o1777) },
		},
		{
			name: "a stranger's file", rule: RuleOwner, at: "d/web.yaml", says: []string{"belongs to user 4242", "must belong to root"},
			alter: func(t *testing.T, k *altered, dir string) { given(t, k, dir+"/d/web.yaml") },
		},
		{
			name: "a stranger's file in a sticky directory", rule: RuleOwner, at: "d/web.yaml",
			alter: func(t *testing.T, k *altered, dir string) {
				chmod(t, dir+"/d", 0o1777)
				given(t, k, dir+"/d/web.yaml")
			},
		},
		{
			name: "a stranger's directory", rule: RuleOwner, at: "d",
			alter: func(t *testing.T, k *altered, dir string) { given(t, k, dir+"/d") },
		},
		{
			name: "a stranger's sticky directory", rule: RuleOwner, at: "d",
			alter: func(t *testing.T, k *altered, dir string) {
				chmod(t, dir+"/d", 0o1755)
				given(t, k, dir+"/d")
			},
		},
		{
			name: "a stranger's link", open: "link/current/web.yaml", rule: RuleOwner, at: "link/current",
			alter: func(t *testing.T, k *altered, dir string) { given(t, k, dir+"/link/current") },
		},
		{
			name: "others may change where the link leads", open: "link/current/web.yaml", rule: RuleOthersWrite, at: "link",
			alter: func(t *testing.T, _ *altered, dir string) { chmod(t, dir+"/link", 0o777) },
		},
		{
			name: "the link is in a sticky directory", open: "link/current/web.yaml",
			alter: func(t *testing.T, _ *altered, dir string) { chmod(t, dir+"/link", 0o1777) },
		},
		{
			name: "others may write where the link leads", open: "link/current/web.yaml", rule: RuleOthersWrite, at: "d",
			alter: func(t *testing.T, _ *altered, dir string) { chmod(t, dir+"/d", 0o777) },
		},
		{
			name: "a directory that is only passed", open: "side/../d/web.yaml", rule: RuleOthersWrite, at: "side",
			alter: func(t *testing.T, _ *altered, dir string) { chmod(t, dir+"/side", 0o777) },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			leak.Check(t)
			dir := tempDir(t)
			write(t, dir+"/d/web.yaml", "version: 1\n")
			mkdir(t, dir+"/side")
			link(t, "../d", mkdir(t, dir+"/link")+"/current")
			k := &altered{Kernel: linux.New()}
			if c.alter != nil {
				c.alter(t, k, dir)
			}
			path := filepath.Join(dir, "d/web.yaml")
			if c.open != "" {
				path = dir + "/" + c.open
			}
			// Whoever may write to it, it can be looked at.
			files, err := Open(k, path, Anyone)
			if err != nil || len(files) != 1 || string(files[0].Text) != "version: 1\n" {
				t.Fatalf("for anyone: %q, %v", files, err)
			}
			if files, err = Open(k, path, Trust{}); err == nil {
				t.Fatalf("trusting nobody: %q", files)
			}
			files, err = Open(k, path, me())
			if c.rule == 0 {
				if err != nil || len(files) != 1 || files[0].Dir != dir+"/d" || files[0].Name != path {
					t.Fatalf("got %q, %v", files, err)
				}
				return
			}
			var refused *RefusedError
			if !errors.As(err, &refused) || files != nil {
				t.Fatalf("got %q, %v", files, err)
			}
			if want := filepath.Join(dir, c.at); refused.Rule != c.rule || refused.Path != want {
				t.Errorf("rule %d is broken by %s; want rule %d by %s", refused.Rule, refused.Path, c.rule, want)
			}
			for _, part := range append(c.says, "policy "+path+": ", refused.Path) {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}

// The advice in the message is to be true: what it says is done, and then the file is accepted.
func TestFix(t *testing.T) {
	dir := tempDir(t) + "/with 'quotes'"
	path := write(t, dir+"/web.yaml", "")
	chmod(t, dir, 0o777)
	chmod(t, path, 0o666)
	for range 2 {
		_, err := Open(linux.New(), path, me())
		var refused *RefusedError
		if !errors.As(err, &refused) {
			t.Fatalf("got %v", err)
		}
		shell(t, refused.Fix)
	}
	if _, err := Open(linux.New(), path, me()); err != nil {
		t.Error(err)
	}
}

func TestOwnersForReal(t *testing.T) {
	path := write(t, tempDir(t)+"/web.yaml", "")
	err := os.Lchown(path, stranger, -1)
	if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
		t.Skipf("user %d may not give a file away (%v): the run as root has it, and TestRule with owners that the kernel did not say", os.Geteuid(), err)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(linux.New(), path, me())
	if err == nil || !strings.Contains(err.Error(), "belongs to user 4242") || !strings.Contains(err.Error(), "chown root "+path) {
		t.Fatalf("got %v", err)
	}
	if _, err := Open(linux.New(), path, Trust{Owners: []posix.UID{0, stranger}}); err != nil {
		t.Error(err)
	}
}

func TestTrusted(t *testing.T) {
	inside := host.UserNSFacts{Initial: false}
	for _, c := range []struct {
		name  string
		facts host.Facts
		want  []posix.UID
	}{
		{"root", host.Facts{UserNS: host.UserNSFacts{Initial: true}, OverflowUID: 65534}, []posix.UID{0}},
		{"user", host.Facts{EUID: 1000, UserNS: host.UserNSFacts{Initial: true}, OverflowUID: 65534}, []posix.UID{0, 1000}},
		{"nobody outside is somebody", host.Facts{EUID: 65534, UserNS: host.UserNSFacts{Initial: true}, OverflowUID: 65534}, []posix.UID{0, 65534}},
		{"user inside", host.Facts{EUID: 1000, UserNS: inside, OverflowUID: 65534}, []posix.UID{0, 1000}},
		{"nobody inside is everybody", host.Facts{EUID: 65534, UserNS: inside, OverflowUID: 65534}, []posix.UID{0}},
		{"another overflow user", host.Facts{EUID: 1, UserNS: inside, OverflowUID: 1}, []posix.UID{0}},
	} {
		if got := Trusted(c.facts).Owners; !slices.Equal(got, c.want) {
			t.Errorf("%s: %v; want %v", c.name, got, c.want)
		}
	}
}

func TestUnmappedOwnerIsExplained(t *testing.T) {
	st := posix.Stat{UID: unmapped, Mode: unix.S_IFDIR | 0o755}
	err := Trust{Owners: []posix.UID{0, 1000}}.check("/home", &st, 1000)
	if err == nil || !strings.Contains(err.Error(), "outside of it") || !strings.Contains(err.Error(), "root or user 1000") {
		t.Errorf("got %v", err)
	}
}
