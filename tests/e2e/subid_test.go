package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// subIDScript arranges a host on which a user has sub-ids, in a mount namespace of its own, and becomes that user. Where newuidmap is not installed the
// victim stands in for it. Arguments: the files of ranges, the directory for the programs or "", the victim, user, group, command.
const subIDScript = `set -e
mount --make-rprivate /
mount --bind "$1" /etc/subuid; mount --bind "$2" /etc/subgid
if [ -n "$3" ] && ! [ -e /usr/bin/newuidmap ]; then
	mount -t tmpfs -o mode=755 tmpfs /run
	mkdir -p /run/wrappers/bin
	for name in newuidmap newgidmap; do cp "$4" /run/wrappers/bin/$name; chmod $3 /run/wrappers/bin/$name; done
fi
user=$5 group=$6
shift 6
exec setpriv --reuid "$user" --regid "$group" --clear-groups "$@"
`

// subIDHost is what a test wants of the host.
type subIDHost struct {
	subuid, subgid string
	mode           string // of the programs that stand in; "" for none
	own            []string
}

// on runs the supervisor there as the ordinary user.
func (h subIDHost) on(t *testing.T, u *user.User, args ...string) result {
	t.Helper()
	dir := reachableDir(t)
	writeFile(t, filepath.Join(dir, "subuid"), h.subuid, 0o644)
	writeFile(t, filepath.Join(dir, "subgid"), h.subgid, 0o644)
	p := command(t, "/bin/sh", append([]string{"-c", subIDScript, "sh", filepath.Join(dir, "subuid"), filepath.Join(dir, "subgid"), h.mode, place.victim, u.Uid, u.Gid},
		append(h.own, append([]string{place.supervisor}, args...)...)...)...)
	p.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	p.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir)
	return p.run(t)
}

// reachableDir is a directory that everybody can look into, with all that is above it.
func reachableDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Dir(place.victim), "reachable-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestSubIDs: where the host gives an ordinary user sub-ids, a module with a user of its own is somebody else for the host.
func TestSubIDs(t *testing.T) {
	t.Parallel()
	if !isRoot() {
		t.Skip("it takes root to show a process other files in the place of /etc/subuid and /etc/subgid")
	}
	u, err := user.Lookup(other())
	if err != nil {
		t.Fatal(err)
	}
	installed := false
	if _, err := exec.LookPath("newuidmap"); err == nil {
		installed = true
	}
	dir := reachableDir(t)
	secret, shared := filepath.Join(dir, "secret"), filepath.Join(dir, "shared")
	writeFile(t, secret, "text", 0o600)
	writeFile(t, shared, "text", 0o644)
	for _, path := range []string{secret, shared} {
		if out, err := exec.Command("chown", u.Uid+":"+u.Gid, path).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	ranges := u.Username + ":300000:65536\n"
	for _, c := range []struct {
		name   string
		host   subIDHost
		user   string
		secret string
		plan   string
		needs  bool // programs that are not installed
	}{
		{name: "another user", host: subIDHost{subuid: ranges, subgid: ranges, mode: "4755"}, user: "user: {dynamic: true}", secret: "EACCES", plan: "by sub-ids"},
		{name: "by its number", host: subIDHost{subuid: u.Uid + ":300000:65536\n", subgid: ranges, mode: "4755"}, user: "user: daemon", secret: "EACCES", plan: "by sub-ids"},
		{name: "no user asked for", host: subIDHost{subuid: ranges, subgid: ranges, mode: "4755"}, secret: "ok"},
		{name: "no range of groups", host: subIDHost{subuid: ranges, mode: "4755"}, user: "user: {dynamic: true}", secret: "ok",
			plan: "user " + u.Username + " has no range in /etc/subgid: usermod --add-subgids 100000-165535 " + u.Username},
		{name: "a range that is too short", host: subIDHost{subuid: u.Username + ":300000:5\n", subgid: ranges, mode: "4755"}, user: "user: {dynamic: true}", secret: "ok",
			plan: "the sub-ids do not reach user"},
		{name: "programs without privileges", host: subIDHost{subuid: ranges, subgid: ranges, mode: "0755"}, user: "user: {dynamic: true}", secret: "ok", needs: true},
		{name: "no new privileges", host: subIDHost{subuid: ranges, subgid: ranges, mode: "4755", own: []string{"setpriv", "--no-new-privs"}}, user: "user: {dynamic: true}",
			secret: "ok", plan: "no_new_privs is set"},
		{name: "nothing is installed", host: subIDHost{subuid: ranges, subgid: ranges}, user: "user: {dynamic: true}", secret: "ok", needs: true,
			plan: "newuidmap and newgidmap are not installed: apt-get install uidmap"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.needs && installed {
				t.Skip("newuidmap is installed here, in a directory that is looked into first")
			}
			text := policyText(module{allow: everything, files: []string{fmt.Sprintf("{path: %s, access: rw}", dir)}})
			text = strings.Replace(text, "    user: nobody\n", "    "+c.user+"\n", 1)
			p := filepath.Join(reachableDir(t), "policy.yaml")
			writeFile(t, p, text, 0o644)
			r := c.host.on(t, u, "exec", "--policy", p, "--", place.victim, "read:"+secret, "read:"+shared, "capabilities")
			r.wants(t, 0)
			if want := "read:" + secret + "\t" + c.secret + "\t"; !strings.Contains(r.stdout, want) || !strings.Contains(r.stdout, "read:"+shared+"\tok\t") {
				t.Errorf("no %q in\n%s", want, r.stdout)
			}
			if c.plan == "" {
				return
			}
			if r := c.host.on(t, u, "--dry-run", "--policy", p); r.status != 0 || !strings.Contains(r.stdout+r.stderr, c.plan) {
				t.Errorf("status %d, no %q in\n%s%s", r.status, c.plan, r.stdout, r.stderr)
			}
		})
	}
}
