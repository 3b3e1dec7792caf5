package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// attack is an attempt that the sandbox must refuse.
type attack struct {
	try     string
	want    string // the answer inside
	user    string // the answer inside where it is another one without root
	detail  string // what must have been found inside; nothing is compared when it is empty
	control string // what succeeds outside; the same when empty
	// privileged: the control takes privileges that the caller may not have.
	privileged bool
	// answer is what the control answers; "ok" when empty.
	answer string
}

// attack makes all attempts outside, where they must succeed, then under the policy, where they must be refused.
func attackAll(t *testing.T, policy string, attacks []attack) {
	t.Helper()
	var tries, plain, privileged []string
	for i := range attacks {
		a := &attacks[i]
		if a.control == "" {
			a.control = a.try
		}
		if a.answer == "" {
			a.answer = "ok"
		}
		if a.user == "" || isRoot() {
			a.user = a.want
		}
		tries = append(tries, a.try)
		if a.privileged {
			privileged = append(privileged, a.control)
		} else {
			plain = append(plain, a.control)
		}
	}
	controls := outside(t, plain...)
	if privileged != nil {
		for k, v := range outsidePrivileged(t, privileged...) {
			controls[k] = v
		}
	}
	got := inside(t, policy, tries...)
	for _, a := range attacks {
		if c := controls[a.control]; c.result != a.answer {
			t.Errorf("%s proves nothing: outside it gives %s %s, not %s", a.control, c.result, c.detail, a.answer)
		}
		switch g := got[a.try]; {
		case g.result != a.user:
			t.Errorf("%s: %s %s, want %s", a.try, g.result, g.detail, a.user)
		case a.detail != "" && g.detail != a.detail:
			t.Errorf("%s found %q, want %q", a.try, g.detail, a.detail)
		}
	}
}

// everything is a filter that refuses no known call: what is refused then, is refused by another layer.
var everything = []string{`"@known"`}

func TestForbiddenCalls(t *testing.T) {
	t.Parallel()
	attackAll(t, policy(t, "", module{deny: []string{`"@keyring"`, "personality", "io_uring_setup", "ptrace", "mount"}}), []attack{
		{try: "keyctl", want: "EPERM"},
		{try: "personality", want: "EPERM"},
		{try: "iouring", want: "EPERM"},
		{try: "ptrace:1", want: "EPERM", control: fmt.Sprintf("ptrace:%d", expendable(t))},
		{try: "mount:/proc", want: "EPERM", control: "mount:" + openDir(t), privileged: true},
		// The kernel does not know it either, and that is what programs must be told.
		{try: "unknown:9999", want: "ENOSYS", answer: "ENOSYS"},
	})
}

// TestFilterAnswersUnknownCalls tells the filter's answer from the kernel's.
func TestFilterAnswersUnknownCalls(t *testing.T) {
	t.Parallel()
	text := strings.Replace(policyText(module{}), "default: errno ENOSYS", "default: errno EDOM", 1)
	attackAll(t, writePolicy(t, text), []attack{{try: "unknown:9999", want: "EDOM", answer: "ENOSYS"}})
}

// TestOtherArchitectures makes system calls through interfaces that the filter closes for good.
func TestOtherArchitectures(t *testing.T) {
	t.Parallel()
	p := policy(t, "", module{allow: everything})
	for _, try := range []string{"int80", "x32"} {
		t.Run(try, func(t *testing.T) {
			c := command(t, place.victim, try).run(t)
			if try == "int80" && c.status == 128+int(unix.SIGSEGV) { // a general protection fault: the interrupt has no handler
				t.Skip("this kernel has no 32-bit calls: int 0x80 is answered with SIGSEGV outside of any sandbox")
			}
			r := execVictim(t, p, try).run(t)
			r.wants(t, 128+31) // SIGSYS
			if r.stdout != "" {
				t.Errorf("it was answered: %s", r.stdout)
			}
		})
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	for _, sub := range []string{"ro", "rw", "hidden", "noexec"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, sub, "file"), "text", 0o666)
	}
	// Its mode allows what the policy does not.
	if err := os.Chmod(filepath.Join(dir, "rw"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := install(place.victim, filepath.Join(dir, "noexec", victimName)); err != nil {
		t.Fatal(err)
	}
	at := func(attempt, path string) string { return attempt + ":" + filepath.Join(dir, path) }
	p := policy(t, "", module{allow: everything, files: []string{
		fmt.Sprintf("{path: %s/ro, access: r}", dir),
		fmt.Sprintf("{path: %s/rw, access: rw}", dir),
		fmt.Sprintf("{path: %s/noexec, access: r}", dir),
		"{path: /tmp, tmpfs: 1M, access: rw}",
	}})
	self := fmt.Sprintf("/proc/%d", os.Getpid())
	attackAll(t, p, []attack{
		// What is not listed is not there.
		{try: at("read", "hidden/file"), want: "ENOENT"},
		{try: "read:/etc/passwd", want: "ENOENT"},
		{try: "read:" + filepath.Join(dir, "ro/../hidden/file"), want: "ENOENT"},
		{try: "read:/proc/self/cwd/" + strings.Repeat("../", 16) + "etc/passwd", want: "ENOENT"},
		{try: "read:/proc/self/root/etc/passwd", want: "ENOENT"},
		{try: "read:/proc/1/root/etc/passwd", want: "EACCES", control: "read:" + self + "/root/etc/passwd"},
		{try: "list:/sys", want: "ENOENT"},
		{try: "list:/dev", want: "ENOENT"},
		// What is listed has that access.
		{try: at("read", "ro/file"), want: "ok"},
		{try: at("write", "ro/file"), want: "EROFS"},
		{try: at("create", "ro/new"), want: "EROFS"},
		{try: at("truncate", "ro/file"), want: "EROFS"},
		{try: at("write", "rw/file"), want: "ok"},
		{try: at("truncate", "rw/file"), want: "ok"},
		{try: at("create", "rw/new"), want: "ok"},
		{try: at("execve", "noexec/"+victimName), want: "EACCES", control: "say:-"},
		{try: at("mapexec", "noexec/"+victimName), want: "EPERM"},
		// What the kernel shows of the module itself.
		{try: "write:/proc/self/comm", want: "EROFS"},
		{try: "write:/proc/self/oom_score_adj", want: "EROFS"},
		// Its own root.
		{try: "create:/new", want: "EROFS", control: at("create", "rw/new")},
		{try: "create:/tmp/new", want: "ok"},
		{try: "fill:/tmp/big,2000000", want: "ENOSPC", control: at("fill", "rw/big") + ",2000000"},
		// Its mount would allow it, and its mode; Landlock does not.
		{try: at("mknod", "rw/device"), want: "EACCES"},
		{try: "mknod:/tmp/device", want: "EACCES"},
	})
	// The control of the one that would have replaced the process.
	if r := command(t, place.victim, at("execve", "noexec/"+victimName)).run(t); r.stdout != "say:executed\tok\texecuted\n" {
		t.Errorf("execve outside: %q", r.stdout)
	}
	top := inside(t, p, "list:/")["list:/"]
	want := map[string]bool{"proc": true, "tmp": true}
	for _, path := range []string{dir, place.victim} {
		want[strings.Split(path, "/")[1]] = true
	}
	for _, name := range strings.Fields(top.detail) {
		if !want[name] {
			t.Errorf("there is a /%s in the module's root", name)
		}
	}
	if top.result != "ok" || top.detail == "" {
		t.Errorf("list:/ %v", top)
	}
}

// TestEscapeThroughDescriptor gives the module a directory of the host as its standard input.
func TestEscapeThroughDescriptor(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	writeFile(t, filepath.Join(dir, "file"), "text", 0o644)
	in, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	up := strings.Repeat("../", strings.Count(dir, "/")) + "etc/passwd"
	tries := []string{"readat:0,file", "readat:0," + up}
	control := command(t, place.victim, tries...)
	control.Stdin = in
	confined := execVictim(t, policy(t, "", module{allow: everything}), tries...)
	confined.Stdin = in
	was, is := attemptsOf(t, control, tries), attemptsOf(t, confined, tries)
	for _, try := range tries {
		if was[try].result != "ok" || is[try].result != "EACCES" {
			t.Errorf("%s: outside %s, want ok; inside %s, want EACCES", try, was[try].result, is[try].result)
		}
	}
}

func TestPrivileges(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	p := policy(t, "", module{allow: everything, files: []string{"{path: /tmp, tmpfs: 1M, access: rw}"}})
	attackAll(t, p, []attack{
		// Without root only the module's own user is in its user namespace, so that 0 is not even a user.
		{try: "setuid:0", want: "EPERM", user: "EINVAL", privileged: true},
		{try: "setgid:0", want: "EPERM", user: "EINVAL", privileged: true},
		{try: "capset", want: "EPERM", privileged: true},
		{try: "securebits", want: "EPERM", detail: "0x2f", privileged: true},
		{try: "capabilities", want: "ok", detail: "bounding=0 ambient=0", privileged: true},
		{try: "chroot:/proc", want: "EPERM", privileged: true},
		{try: "mount:/tmp", want: "EPERM", control: "mount:" + dir, privileged: true},
		{try: "sethostname", want: "EPERM", privileged: true},
		{try: "unshare:mount", want: "EPERM", privileged: true},
		{try: "unshare:network", want: "EPERM", privileged: true},
		{try: "clone:mount", want: "EPERM", privileged: true},
		{try: "packet", want: "EPERM", privileged: true},
		{try: "status:CapInh,CapPrm,CapEff,CapBnd,CapAmb,NoNewPrivs,Seccomp,Seccomp_filters", want: "ok",
			detail: "CapInh=0000000000000000 CapPrm=0000000000000000 CapEff=0000000000000000 CapBnd=0000000000000000 " +
				"CapAmb=0000000000000000 NoNewPrivs=1 Seccomp=2 Seccomp_filters=1"},
	})
	before := outsidePrivileged(t, "capabilities", "status:Seccomp,NoNewPrivs")
	if before["capabilities"].detail == "bounding=0 ambient=0" || before["status:Seccomp,NoNewPrivs"].detail == "Seccomp=2 NoNewPrivs=1" {
		t.Errorf("outside it is no different: %v", before)
	}
}

// TestUserNamespaces tries to become privileged in a new user namespace, which takes no privilege. Making one is part of clone, which every
// program with threads needs: a policy that ships looks at its arguments, and under one that does not nothing is gained by it.
func TestUserNamespaces(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	for _, c := range []struct{ layer, policy, at string }{
		{"seccomp", shippedFor(t, "examples/locked"), "clone"},
		{"landlock", policy(t, "", module{allow: everything, files: []string{"{path: /tmp, tmpfs: 1M, access: rw}"}}), "mount"},
	} {
		t.Run(c.layer, func(t *testing.T) {
			attackAll(t, c.policy, []attack{{try: "mountapart:/tmp", want: "EPERM", detail: c.at, control: "mountapart:" + dir}})
		})
	}
}

func TestNamespaces(t *testing.T) {
	t.Parallel()
	p := policy(t, "", module{name: "apart"})
	was, is := outside(t, "namespaces", "hostname"), inside(t, p, "namespaces", "hostname")
	before, now := strings.Fields(was["namespaces"].detail), strings.Fields(is["namespaces"].detail)
	if len(before) != 7 || len(now) != 7 {
		t.Fatalf("namespaces: outside %v, inside %v", was, is)
	}
	for i, ns := range now {
		if strings.HasPrefix(ns, "user:") && isRoot() {
			continue // no policy of ours asks for one
		}
		if ns == before[i] {
			t.Errorf("it is in the host's namespace %s", ns)
		}
	}
	if got := is["hostname"].detail; got != "apart" || got == was["hostname"].detail {
		t.Errorf("hostname %q", got)
	}
}

func TestOtherProcesses(t *testing.T) {
	t.Parallel()
	target := expendable(t)
	word := "/proc/" + fmt.Sprint(target) + "/maps"
	maps, err := os.ReadFile(word)
	if err != nil {
		t.Fatal(err)
	}
	address, _, _ := strings.Cut(string(maps), "-")
	init := fmt.Sprintf("readmem:1,%s", address)
	pid1 := "ok" // and init does not take it
	if landlockABI() >= 6 {
		pid1 = "EPERM" // what is not in the module's domain is not signalled
	}
	attackAll(t, policy(t, "", module{allow: everything}), []attack{
		{try: fmt.Sprintf("signal:%d,9", target), want: "ESRCH", control: fmt.Sprintf("signal:%d,9", expendable(t))},
		{try: fmt.Sprintf("signal:%d,0", target), want: "ESRCH"},
		{try: fmt.Sprintf("ptrace:%d", target), want: "ESRCH"},
		{try: fmt.Sprintf("readmem:%d,%s", target, address), want: "ESRCH"},
		{try: "read:" + word, want: "ENOENT"},
		{try: "processes", want: "ok", detail: "[1]"},
		// The init of its namespace.
		{try: "ptrace:1", want: "EPERM", control: fmt.Sprintf("ptrace:%d", expendable(t))},
		{try: init, want: "EPERM", control: fmt.Sprintf("readmem:%d,%s", target, address)},
		{try: "read:/proc/1/mem", want: "EACCES", control: fmt.Sprintf("read:/proc/%d/status", target)},
		{try: "read:/proc/1/environ", want: "EACCES", control: fmt.Sprintf("read:/proc/%d/environ", target)},
		{try: "signal:1,9", want: pid1, control: fmt.Sprintf("signal:%d,9", expendable(t))},
		{try: "signal:1,0", want: pid1, control: "say:-"},
		{try: "processes", want: "ok", detail: "[1]"}, // it is still there
	})
	if !strings.Contains(outside(t, "processes")["processes"].detail, fmt.Sprint(target)) {
		t.Error("outside, processes does not find the target either")
	}
	if !alive(target) {
		t.Error("the target is dead")
	}
}

// expendable starts a process that may come to harm, and returns its pid.
func expendable(t testing.TB) int {
	t.Helper()
	p := command(t, place.victim, "ready").start(t)
	p.says(t, "ready, too")
	return p.Process.Pid
}

func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	name := "bulkhead-e2e-" + fmt.Sprint(os.Getpid())
	unix, err := net.Listen("unix", "@"+name)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	connect := "connect:" + tcp.Addr().String()
	unreachable := "ENETUNREACH"
	if landlockABI() >= 4 {
		unreachable = "EACCES" // Landlock is asked before the network is
	}
	t.Run("none", func(t *testing.T) {
		attackAll(t, policy(t, "", module{allow: everything}), []attack{
			{try: connect, want: unreachable, detail: "connect"},
			{try: "abstract:" + name, want: "ECONNREFUSED", detail: "connect"},
		})
	})
	t.Run("loopback", func(t *testing.T) {
		text := strings.Replace(policyText(module{allow: everything}), "mode: none", "mode: loopback", 1)
		attackAll(t, writePolicy(t, text), []attack{{try: connect, want: "ECONNREFUSED", detail: "connect"}})
	})
	t.Run("denied", func(t *testing.T) {
		attackAll(t, policy(t, "", module{deny: []string{"socket"}}), []attack{{try: connect, want: "EPERM", detail: "socket"}})
	})
}

// TestLeakedDescriptor leaves a descriptor open in the supervisor that an exec would pass on.
func TestLeakedDescriptor(t *testing.T) {
	t.Parallel()
	secret, err := os.Open(writeFile(t, filepath.Join(openDir(t), "secret"), "secret", 0o600))
	if err != nil {
		t.Fatal(err)
	}
	defer secret.Close()
	leaky := func(p *program) *program {
		p.ExtraFiles = make([]*os.File, 200)
		p.ExtraFiles[0], p.ExtraFiles[7], p.ExtraFiles[199] = secret, secret, secret // 3, 10 and 202
		return p
	}
	tries := []string{"descriptors", "readat:202,"}
	was := attemptsOf(t, leaky(command(t, place.victim, tries...)), tries)
	for _, fd := range []string{"3=", "10=", "202="} {
		if got := was["descriptors"].detail + " "; !strings.Contains(got, fd+secret.Name()+" ") {
			t.Errorf("outside %s%s is not among %s", fd, secret.Name(), got)
		}
	}
	is := attemptsOf(t, leaky(execVictim(t, policy(t, "", module{allow: everything}), tries...)), tries)
	if got := is["descriptors"].detail; got != "" {
		t.Errorf("it has %s", got)
	}
	if got := is["readat:202,"].result; got == "ok" {
		t.Error("it reads through the leaked descriptor")
	}
}
