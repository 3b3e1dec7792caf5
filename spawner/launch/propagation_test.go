package launch_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/launch"
)

// TestLaterMountsAreNotSeen: what the host mounts below a directory of the policy, when the module runs, does not appear in it: it would be neither
// read-only nor nosuid there. Mounts of most hosts are shared.
func TestLaterMountsAreNotSeen(t *testing.T) {
	needAdmin(t, facts(t))
	dir := t.TempDir()
	must(t, unix.Mount("bulkhead", dir, "tmpfs", 0, ""))
	defer func() { must(t, unix.Unmount(dir, unix.MNT_DETACH)) }()
	must(t, unix.Mount("", dir, "", unix.MS_SHARED, ""))
	below := filepath.Join(dir, "data", "below")
	must(t, os.MkdirAll(below, 0o755))

	k := linux.New()
	l := launcher(t, k, launch.Options{})
	res := compiled(t, facts(t), "echo ready; read x; while read -r line; do echo \\\"$line\\\"; done < /proc/self/mountinfo",
		"- {path: /tmp,", "- {path: "+filepath.Join(dir, "data")+", access: r}\n      - {path: /tmp,")
	http, file := listening(t)
	defer func() { _, _ = http.Close(), file.Close() }()
	s := newStreams(t)
	p, err := l.Launch(launch.Request{Program: res.Program, Init: res.Init, Stdio: s.fds, Listeners: map[string]posix.FD{"http": posix.FD(file.Fd())}})
	must(t, err)
	ready := make([]byte, 6)
	_, err = s.out.Read(ready)
	must(t, err)
	must(t, unix.Mount("bulkhead", below, "tmpfs", 0, ""))
	_, err = s.in.WriteString("go on\n")
	must(t, err)
	mounts := s.output(t)
	finish(t, k, p)
	if !strings.Contains(mounts, dir+"/data ") || strings.Contains(mounts, below) || strings.Contains(mounts, "shared:") {
		t.Errorf("mounts of the module:\n%s", mounts)
	}
}
