package stage

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/fault"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// joinPrepared is goInside, with a namespace that is there already and whose maps another process has written.
const joinPrepared = "join-prepared"

// enterPrepared makes a namespace, maps the caller's own user and group in it, and enters it.
func enterPrepared(exe string, carried posix.FD) error {
	k := linux.New()
	h, err := hold(k)
	if err != nil {
		return err
	}
	for _, f := range []struct{ name, text string }{
		{"setgroups", "deny"}, {"uid_map", fmt.Sprintf("%d %d 1", os.Geteuid(), os.Geteuid())}, {"gid_map", fmt.Sprintf("%d %d 1", os.Getegid(), os.Getegid())},
	} {
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/%s", h.PID, f.name), []byte(f.text), 0); err != nil {
			return err
		}
	}
	ns, err := k.Openat2(posix.AtFDCWD, fmt.Sprintf("/proc/%d/ns/user", h.PID), posix.OpenHow{Flags: unix.O_RDONLY})
	if err := errors.Join(err, h.end(k)); err != nil {
		return err
	}
	return Enter(k, exe, os.Args, append(os.Environ(), "STAGE=kept"), carried, ns)
}

// TestEnterPrepared: a namespace that was made before is entered as one that the helper makes.
func TestEnterPrepared(t *testing.T) {
	before, err := host.ProbeAll(linux.New())
	if err != nil {
		t.Fatal(err)
	}
	if errno := before.UserNS.Errno; errno != 0 {
		t.Skipf("this host lets user %d make no user namespace: %v", before.EUID, errno)
	}
	r := inside(t, func(c *exec.Cmd) { c.Args[1] = joinPrepared })
	if r.Error != "" {
		t.Fatal(r.Error)
	}
	f := r.Facts
	if want := fmt.Sprintf("%d %d 1", before.EUID, before.EUID); r.UIDMap != want || f.EUID != before.EUID || f.UserNS.Initial {
		t.Errorf("uid_map %q, user %d, initial namespace: %v; want %q", r.UIDMap, f.EUID, f.UserNS.Initial, want)
	}
	if all := uint64(1)<<(f.Capabilities.Last+1) - 1; f.Capabilities.Effective != all || f.Capabilities.Permitted != all {
		t.Errorf("capabilities %#x of %#x", f.Capabilities.Effective, all)
	}
	if r.Stage != "kept" || r.Text != "carried" {
		t.Errorf("environment %q, the descriptor holds %q", r.Stage, r.Text)
	}
}

// mapperScript makes a program in the place of newuidmap.
func mapperScript(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mapper")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRunMapper: what the program complains about is the error; it has no environment and no descriptor but three.
func TestRunMapper(t *testing.T) {
	t.Setenv("SECRET", "yes")
	for _, c := range []struct{ name, script, says string }{
		{"fine", `[ "$1 $2" = "12 a b" ] && [ -z "$SECRET" ]`, ""},
		{"a complaint", "echo newuidmap: uid range >&2; echo '[0-1) -> x not allowed' >&2; exit 1", "newuidmap: uid range [0-1) -> x not allowed"},
		{"what it prints counts too", "echo to standard output; exit 1", "to standard output"},
		{"no word", "exit 3", "it ended with status 3"},
		{"killed", "kill -9 $$", "it was ended by signal 9"},
		{"descriptors", "ls /proc/self/fd | tr '\\n' ' ' >&2; exit 1", "0 1 2 3"}, // 3 is the directory that ls reads
		{"bytes that are no text", "printf '\\377\\376' >&2; exit 1", "?"},
		{"a flood", "yes | head -c 60000 >&2; exit 1", "y y y y"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := runMapper(linux.New(), []string{mapperScript(t, c.script), "12", "a b"})
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
	if err := runMapper(linux.New(), []string{filepath.Join(t.TempDir(), "none")}); !errors.Is(err, unix.ENOENT) {
		t.Errorf("a program that is not there: %v", err)
	}
}

// TestEnded: a process that does not end is not waited for.
func TestEnded(t *testing.T) {
	cmd := exec.Command("/bin/sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.PidfdOpen(cmd.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := ended(linux.New(), posix.FD(fd), 20*time.Millisecond); err == nil || err.Error() != "it did not end within 20ms" {
		t.Errorf("it has ended: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := ended(linux.New(), posix.FD(fd), time.Minute); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // killed
}

// TestNamespace: the maps are those of the ranges. Writing them takes root, as which newuidmap runs; tests/e2e does it as an ordinary user.
func TestNamespace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skipf("user %d may map nobody else: the kernel asks the writer of the maps for CAP_SETUID", os.Geteuid())
	}
	write := func(file string) string {
		return mapperScript(t, `pid=$1; shift; printf '%s %s %s\n' "$@" > /proc/$pid/`+file)
	}
	ids := host.SubIDFacts{User: "x", UIDs: host.IDRange{First: 100000, Count: 20}, GIDs: host.IDRange{First: 300000, Count: 30}, UIDMapper: write("uid_map"), GIDMapper: write("gid_map")}
	fd, err := Namespace(linux.New(), ids)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(int(fd))
	out, err := exec.Command("nsenter", fmt.Sprintf("--user=/proc/%d/fd/%d", os.Getpid(), fd), "cat", "/proc/self/uid_map", "/proc/self/gid_map").CombinedOutput()
	if got, want := strings.Join(strings.Fields(string(out)), " "), "0 0 1 1 100000 20 0 0 1 1 300000 30"; err != nil || got != want {
		t.Errorf("%v, %q, want %q", err, got, want)
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC != 0 {
		t.Errorf("the descriptor does not survive an exec: %#x, %v", flags, err)
	}
}

// TestNamespaceWithFaults lets each call fail once: the error has it, and neither a process nor a descriptor is left.
func TestNamespaceWithFaults(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skipf("user %d may map nobody else: the kernel asks the writer of the maps for CAP_SETUID", os.Geteuid())
	}
	nothing := mapperScript(t, "exit 0")
	ids := host.SubIDFacts{User: "x", UIDs: host.IDRange{First: 100000, Count: 20}, GIDs: host.IDRange{First: 300000, Count: 30}, UIDMapper: nothing, GIDMapper: nothing}
	k := fault.New(linux.New())
	before := leak.Take()
	for _, errno := range []posix.Errno{unix.EMFILE, unix.ENOMEM, unix.EAGAIN} {
		calls := 0
		for range k.Each(fault.Nth(1, errno).Except(posix.OpClose, posix.OpWaitid, posix.OpPidfdSendSignal)) {
			fd, err := Namespace(k, ids)
			failed := k.Failed()
			if err == nil {
				_ = unix.Close(int(fd))
			}
			switch {
			case len(failed) == 0 && err != nil:
				t.Fatalf("without a fault: %v", err)
			case len(failed) == 0:
			case err == nil || fd != -1 || !errors.Is(err, errno):
				t.Errorf("%s: %d, %v", failed[0], fd, err)
			}
			if left := before.LeftNow(); left != "" {
				t.Fatalf("%v: %s", failed, left)
			}
			if calls++; len(failed) == 0 {
				break
			}
		}
		if calls < 8 {
			t.Errorf("%d calls failed one by one", calls-1)
		}
	}
}

// TestNamespaceFails: the error has the command and what it said, and the process that held the namespace is gone.
func TestNamespaceFails(t *testing.T) {
	facts, err := host.ProbeAll(linux.New())
	if err != nil {
		t.Fatal(err)
	}
	if errno := facts.UserNS.Errno; errno != 0 {
		t.Skipf("this host lets user %d make no user namespace: %v", facts.EUID, errno)
	}
	refuse := mapperScript(t, `echo "$1" > "$0.pid"; echo no range >&2; exit 1`)
	if err := os.Chmod(filepath.Dir(refuse), 0o755); err != nil {
		t.Fatal(err)
	}
	ids := host.SubIDFacts{User: "x", UIDs: host.IDRange{First: 100000, Count: 10}, GIDs: host.IDRange{First: 100000, Count: 10}, UIDMapper: refuse, GIDMapper: refuse}
	fd, err := Namespace(linux.New(), ids)
	if fd != -1 || err == nil || !strings.HasSuffix(err.Error(), ": no range") || !strings.HasPrefix(err.Error(), refuse+" ") {
		t.Errorf("%d, %v", fd, err)
	}
	text, err := os.ReadFile(refuse + ".pid")
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(pid, 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("process %d, which held the namespace: %v", pid, err)
	}
}
