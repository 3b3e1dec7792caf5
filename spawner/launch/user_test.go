package launch_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// grouped is this host, where every user is in two groups more.
type grouped struct{ realHost }

func (g grouped) User(name string) (sandbox.User, bool, error) {
	u, ok, err := g.realHost.User(name)
	u.Groups = []posix.GID{4, 27}
	return u, ok, err
}

// TestUser: what a launch program reads back about groups is what the kernel says, and a tmpfs belongs to the module's user.
func TestUser(t *testing.T) {
	f := facts(t)
	needAdmin(t, f)
	k := linux.New()
	root := f.EUID == 0 && f.UserNS.Initial
	for name, tt := range map[string]struct{ namespaces, groups string }{
		"a user":                     {"[mount, pid, ipc, uts, network]", "4 27"},
		"a user in a user namespace": {"[user, mount, pid, ipc, uts, network]", "65534 65534"},
	} {
		t.Run(name, func(t *testing.T) {
			l := launcher(t, k, launch.Options{}) // here: it belongs to the thread, and a subtest has its own
			before := leak.Take()
			text := strings.NewReplacer("SCRIPT", `echo x > /tmp/file && echo wrote; while read -r line; do echo \"$$line\"; done < /proc/self/status`,
				"/tmp, tmpfs: 1M", `/tmp, tmpfs: 1M, mode: "0700"`, "    network: {", "    namespaces: "+tt.namespaces+"\n    network: {").Replace(confined)
			p, ds := policy.Parse("web.yaml", []byte(text), policy.Options{Catalog: seccomp.Catalog()})
			if p == nil {
				t.Fatal(ds)
			}
			res, ds := sandbox.Compile(sandbox.Request{Policy: p, Module: p.Modules[0], Host: grouped{realHost{f}}, Filters: filters{}})
			if res == nil {
				t.Fatal(ds)
			}
			http, file := listening(t)
			s := newStreams(t)
			proc, err := l.Launch(launch.Request{Program: res.Program, Init: res.Init, Stdio: s.fds, Listeners: map[string]posix.FD{"http": posix.FD(file.Fd())}})
			if err := errors.Join(err, http.Close(), file.Close()); err != nil {
				t.Fatal(err)
			}
			got := s.output(t)
			finish(t, k, proc)
			want := []string{`^wrote$`, `^Uid:\s65534\s`}
			if root {
				want = append(want, `^Groups:\s`+tt.groups+` ?$`)
			}
			for _, re := range want {
				if !regexp.MustCompile(`(?m)` + re).MatchString(got) {
					t.Errorf("no %s in:\n%s", re, got)
				}
			}
			if left := before.Left(); left != "" {
				t.Error(left)
			}
		})
	}
}
