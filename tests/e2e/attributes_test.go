package e2e

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAttributes: what the kernel keeps of a process is what the policy says, and what it says nothing of is not the supervisor's.
func TestAttributes(t *testing.T) {
	t.Parallel()
	lines := []string{"hostname: web-1", "domainname: nis.example", `umask: "0077"`, "nice: 19", "oom_score_adj: 500", "cpu_affinity: [0]"}
	want := []string{"web-1", "nis.example", "0077", "19", "500", "Cpus_allowed_list:\t0", "00000000"}
	script := `hostname; cat /proc/sys/kernel/domainname; umask; nice; cat /proc/self/oom_score_adj; grep Cpus_allowed_list /proc/self/status; cat /proc/self/personality`
	if timeNamespaces(t) {
		lines = append(lines, "time_offsets: {monotonic: 1h, boottime: -1s}")
		script += `; tail -n 2 /proc/self/timens_offsets | tr -s " "`
		want = append(want, "monotonic 3600 0", "boottime -1 0")
	}
	m := module{lines: lines, files: []string{"{path: /usr, access: rx}", "{path: /bin, access: rx}", "{path: /lib, access: rx}",
		"{path: /lib64, access: rx, if_exists: true}", "{path: /dev/null, access: rw}"}}
	text := "version: 1\nmodules:\n" + m.text()
	if len(lines) > 6 {
		text = regexp.MustCompile(`namespaces: \[`).ReplaceAllString(text, "namespaces: [time, ")
	}
	p := writePolicy(t, text)
	// setarch -R has no address space randomization, which its children would not have either.
	r := command(t, "setarch", "-R", place.supervisor, "exec", "--policy", p, "--", "/bin/sh", "-c", script).run(t)
	r.wants(t, 0)
	got := strings.Split(strings.TrimSpace(r.stdout), "\n")
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the module says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// timeNamespaces tells whether the kernel puts a process into a new time namespace at its exec, which Linux 6.1 is the first to do.
func timeNamespaces(t *testing.T) bool {
	t.Helper()
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	parts := strings.SplitN(unix.ByteSliceToString(u.Release[:]), ".", 3)
	major, err := strconv.Atoi(parts[0])
	if err != nil {
		t.Fatal(err)
	}
	minor, err := strconv.Atoi(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	_, err = os.Stat("/proc/self/ns/time_for_children")
	return err == nil && (major > 6 || major == 6 && minor >= 1)
}

// TestAttributesWithCapability: who cannot have them is told so before the start.
func TestAttributesWithCapability(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ line, outside, capability string }{
		{"nice: -1", "nice -n -1 true 2>&1 | grep . && exit 1 || exit 0", "CAP_SYS_NICE"},
		{"oom_score_adj: -1", "echo -1 >/proc/self/oom_score_adj", "CAP_SYS_RESOURCE"},
	} {
		p := policy(t, "", module{lines: []string{c.line}})
		r := supervisor(t, "exec", "--policy", p).run(t)
		if outside := command(t, "/bin/sh", "-c", c.outside).run(t); outside.status == 0 {
			r.wants(t, 0)
		} else {
			r.wants(t, 2, "E616", c.capability+", which the supervisor does not have")
		}
	}
}

// TestSessionKeyring: the keys of whoever starts the supervisor are not the module's, whatever system calls it may make.
func TestSessionKeyring(t *testing.T) {
	t.Parallel()
	p := policy(t, "", module{allow: []string{`"@system-service"`, `"@keyring"`}, files: []string{"{path: /usr, access: rx}",
		"{path: /bin, access: rx}", "{path: /lib, access: rx}", "{path: /lib64, access: rx, if_exists: true}", "{path: /dev/null, access: rw}"}})
	// KEYCTL_GET_KEYRING_ID of KEY_SPEC_SESSION_KEYRING, keyctl(2).
	script := fmt.Sprintf(`my $serial = syscall(%d, 0, -3, 0); print $serial == -1 ? "refused: $!" : $serial`, unix.SYS_KEYCTL)
	outside := command(t, "/usr/bin/perl", "-e", script).run(t)
	outside.wants(t, 0)
	if strings.HasPrefix(outside.stdout, "refused") {
		t.Skipf("this process has no keys: keyctl(2) is %s", outside.stdout)
	}
	r := supervisor(t, "exec", "--policy", p, "--", "/usr/bin/perl", "-e", script).run(t)
	r.wants(t, 0)
	if r.stdout == outside.stdout || strings.HasPrefix(r.stdout, "refused") {
		t.Errorf("the session keyring is %s inside, and outside %s", r.stdout, outside.stdout)
	}
}
