package launch_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// socketHelper is the variable by which the test's program knows that it runs as a module.
const socketHelper = "BULKHEAD_TEST_SOCKETS"

// useSockets is the module: it says what it sees of its two sockets, and what it can do with them.
func useSockets() {
	notify, control := os.Getenv("NOTIFY_SOCKET"), os.Getenv(socketHelper)
	fmt.Println("socket", notify, "watchdog", os.Getenv("WATCHDOG_USEC"), os.Getenv("WATCHDOG_PID") == fmt.Sprint(os.Getpid()))
	c, err := net.Dial("unixgram", notify)
	if err == nil {
		_, err = c.Write([]byte("READY=1\nSTATUS=here"))
	}
	fmt.Println("notify", err)
	c, err = net.Dial("unix", control)
	text := []byte(nil)
	if err == nil {
		text, err = io.ReadAll(c)
	}
	fmt.Println("control", string(text), err)
	for _, path := range []string{notify, control} {
		_, open := os.Open(path)
		fmt.Println("never", errors.Is(os.Remove(path), os.ErrPermission) || errors.Is(os.Remove(path), unix.EROFS), open != nil,
			os.Chmod(path, 0o600) != nil, os.WriteFile(path+"x", nil, 0o600) != nil)
	}
}

// TestSockets: a module that runs as another user, in a root of its own, reaches its two sockets, which are in a directory of the
// spawner's that this user could not enter.
func TestSockets(t *testing.T) {
	f := facts(t)
	needAdmin(t, f)
	k := linux.New()
	l := launcher(t, k, launch.Options{})
	before := leak.Take()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	control, err := net.Listen("unix", filepath.Join(dir, "control"))
	if err != nil {
		t.Fatal(err)
	}
	sockets := map[string]posix.FD{}
	var kept []posix.FD
	for _, name := range []string{"notify", "control"} {
		path := filepath.Join(dir, name)
		fd, err := k.Openat2(posix.AtFDCWD, path, posix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC | unix.O_NOFOLLOW})
		if err := errors.Join(err, os.Chmod(path, 0o666)); err != nil {
			t.Fatal(err)
		}
		sockets[name] = fd
		kept = append(kept, fd)
	}
	credentials(t, notify)
	http, file := listening(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	res := compiled(t, f, "", `[/bin/sh, -c, "SCRIPT"]`, "["+self+"]", "user: nobody", "user: nobody\n    healthcheck: {notify: true, watchdog: 7s}",
		`PATH: "/usr/bin:/bin"`, socketHelper+": /run/deep/control", "- {path: /dev/null, access: rw}",
		"- {path: "+self+", access: rx}\n      - {path: /run/deep/control, control: self}")
	s := newStreams(t)
	request := launch.Request{Program: res.Program, Init: res.Init, Stdio: s.fds, Sockets: sockets,
		Listeners: map[string]posix.FD{"http": posix.FD(file.Fd())}}
	p, err := l.Launch(request)
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		c, err := control.Accept()
		if err == nil {
			_, err = c.Write([]byte("hello"))
			err = errors.Join(err, c.Close())
		}
		answered <- err
	}()
	text, cred := receive(t, notify)
	if text != "READY=1\nSTATUS=here" || int(cred.Pid) != int(p.PID) {
		t.Errorf("process %d says %q; the module is process %d", cred.Pid, text, p.PID)
	}
	if want := uint32(65534); f.EUID == 0 && f.UserNS.Initial && cred.Uid != want {
		t.Errorf("the sender is user %d, want %d", cred.Uid, want)
	}
	want := "socket /run/notify watchdog 7000000 true\nnotify <nil>\ncontrol hello <nil>\n" + strings.Repeat("never true true true true\n", 2)
	if got := s.output(t); got != want {
		t.Errorf("the module says\n%swant\n%s", got, want)
	}
	if info := finish(t, k, p); info.Status != 0 {
		t.Errorf("it ended as %+v", info)
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
	delete(request.Sockets, "control")
	s = newStreams(t)
	request.Stdio = s.fds
	_, err = l.Launch(request)
	if err == nil || !strings.Contains(err.Error(), "copy mount of socket control") || !strings.Contains(err.Error(), "no such socket (policy web.yaml:") {
		t.Errorf("without a control socket: %v", err)
	}
	s.give()
	if err := errors.Join(k.Close(kept[0]), k.Close(kept[1]), notify.Close(), control.Close(), http.Close(), file.Close(), s.in.Close(), s.out.Close()); err != nil {
		t.Fatal(err)
	}
	if left := before.Left(); left != "" {
		t.Error(left)
	}
}

func listening(t *testing.T) (net.Listener, *os.File) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	return l, file
}

// credentials makes every datagram carry who sent it.
func credentials(t *testing.T, c *net.UnixConn) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var inner error
	err = raw.Control(func(fd uintptr) { inner = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) })
	if err := errors.Join(err, inner); err != nil {
		t.Fatal(err)
	}
}

// receive returns the next datagram and its sender.
func receive(t *testing.T, c *net.UnixConn) (string, *unix.Ucred) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf, control := make([]byte, 4096), make([]byte, 256)
	n, cn, _, _, err := c.ReadMsgUnix(buf, control)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:cn])
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d control messages: %v", len(messages), err)
	}
	cred, err := unix.ParseUnixCredentials(&messages[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(slices.Clone(buf[:n])), cred
}
