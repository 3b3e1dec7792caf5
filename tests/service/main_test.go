package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const playsService = "BULKHEAD_TEST_PLAYS_SERVICE"

// TestMain: this binary is the service, too. What loses its parent becomes a child of the test, so that it cannot hide.
func TestMain(m *testing.M) {
	if os.Getenv(playsService) != "" {
		os.Exit(run(os.Args[1:], os.Stdout))
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, "become a subreaper:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const limit = 20 * time.Second

// host is what a supervisor would hold: a socket and where to notify.
type host struct {
	file    *os.File // of the socket
	network string
	address string
	notify  *net.UnixConn
	path    string // of notify
	inode   uint64 // of the socket
}

func newHost(t *testing.T, network string) *host {
	t.Helper()
	h := &host{network: network, path: filepath.Join(t.TempDir(), "notify")}
	var socket interface{ File() (*os.File, error) }
	switch network {
	case "udp":
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		socket, h.address = c, c.LocalAddr().String()
	case "unix":
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "socket"), Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		defer l.Close()
		socket, h.address = l, l.Addr().String()
	default:
		var config net.ListenConfig
		config.SetMultipathTCP(false) // as the supervisor makes them
		l, err := config.Listen(t.Context(), "tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		socket, h.address = l.(*net.TCPListener), l.Addr().String()
	}
	file, err := socket.File()
	if err != nil {
		t.Fatal(err)
	}
	h.file = file
	h.control(t, func(fd int) error {
		var st unix.Stat_t
		err := unix.Fstat(fd, &st)
		h.inode = st.Ino
		return err
	})
	if h.notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: h.path, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	raw, err := h.notify.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if e := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) }); e != nil || err != nil {
		t.Fatal(e, err)
	}
	t.Cleanup(func() {
		_ = h.file.Close()
		_ = h.notify.Close()
	})
	return h
}

// control uses the descriptor of the socket. (Fd would make the socket blocking, for the service as well.)
func (h *host) control(t *testing.T, use func(fd int) error) {
	t.Helper()
	raw, err := h.file.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if e := raw.Control(func(fd uintptr) { err = use(int(fd)) }); e != nil || err != nil {
		t.Fatal(e, err)
	}
}

// told is one notification.
type told struct {
	text string
	pid  int // as the kernel says
}

// hear waits for the next notification, for a time.
func (h *host) hear(t *testing.T, most time.Duration) (told, bool) {
	t.Helper()
	if err := h.notify.SetReadDeadline(time.Now().Add(most)); err != nil {
		t.Fatal(err)
	}
	text, oob := make([]byte, 4096), make([]byte, 128)
	n, oobn, _, _, err := h.notify.ReadMsgUnix(text, oob)
	if err != nil {
		return told{}, false
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d control messages, %v", len(messages), err)
	}
	cred, err := unix.ParseUnixCredentials(&messages[0])
	if err != nil {
		t.Fatal(err)
	}
	return told{string(text[:n]), int(cred.Pid)}, true
}

// hears waits for a notification that contains a text, and passes over others.
func (h *host) hears(t *testing.T, text string) told {
	t.Helper()
	for deadline := time.Now().Add(limit); ; {
		got, ok := h.hear(t, time.Until(deadline))
		if !ok {
			t.Fatalf("did not hear %q", text)
		}
		if strings.Contains(got.text, text) {
			return got
		}
	}
}

// process is a running service.
type process struct {
	*exec.Cmd
	host *host
	done chan struct{}

	mu  sync.Mutex // guards out
	out bytes.Buffer
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// start runs the service on the host's socket. The shell is there because LISTEN_PID must be its own number.
func (h *host) start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{host: h, done: make(chan struct{}),
		Cmd: exec.Command("/bin/sh", append([]string{"-c", `LISTEN_PID=$$ exec "$0" "$@"`, self}, args...)...)}
	p.Env = append([]string{playsService + "=1", "NOTIFY_SOCKET=" + h.path, "LISTEN_FDS=1", "LISTEN_FDNAMES=web", "SERVICE_VERSION=7"}, env...)
	p.ExtraFiles = []*os.File{h.file}
	p.Stdout, p.Stderr = p, p
	p.WaitDelay = time.Second // a daemon keeps the pipe open
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.Wait() // the exit status is in ProcessState
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill() // it may have ended
		<-p.done
		if t.Failed() {
			t.Logf("the service %v wrote:\n%.2000s", args, p.output())
		}
	})
	return p
}

// ready starts it and waits until it says so.
func (h *host) ready(t *testing.T, args ...string) *process {
	t.Helper()
	p := h.start(t, nil, args...)
	got := h.hears(t, "READY=1\n")
	if got.pid != p.Process.Pid || !strings.Contains(got.text, "STATUS=serving version 7") {
		t.Errorf("%+v; want it from %d", got, p.Process.Pid)
	}
	return p
}

// ended waits for the end and returns the exit status, negative for a signal.
func (p *process) ended(t *testing.T) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(limit):
		t.Fatalf("it does not end; it wrote:\n%s", p.output())
	}
	ws := p.ProcessState.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return -int(ws.Signal())
	}
	return ws.ExitStatus()
}

func (p *process) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := p.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// says waits until it has written a text.
func (p *process) says(t *testing.T, text string) {
	t.Helper()
	waitFor(t, "it writes "+text, func() bool { return strings.Contains(p.output(), text) })
}

func waitFor(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !so(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long: %s", what)
		}
	}
}

func TestWrongCommandLines(t *testing.T) {
	for _, args := range [][]string{
		{"-ready", "soon"}, {"-ready", "-1s"}, {"-before", "nothing"}, {"-after", "exit"}, {"-after", "exit=x"}, {"-after", "exit=-1"}, {"-after", "hang=1"},
		{"more"}, {"-goodbye", "1"},
	} {
		var out bytes.Buffer
		if status := run(args, &out); status != 2 || out.Len() == 0 {
			t.Errorf("%q: status %d, %q", args, status, out.String())
		}
	}
}

func TestOptions(t *testing.T) {
	o, err := parseOptions([]string{"-ready", "200ms", "-before", "flood=3", "-before", "ignore-term", "-after", "stray-notify=READY=1"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.ready.String() != "200ms" || o.before.String() != "flood=3,ignore-term" || o.after[0].argument != "READY=1" {
		t.Errorf("%v %v %v", o.ready.String(), o.before.String(), o.after.String())
	}
	if err := o.ready.Set("never"); err != nil || o.ready.String() != "never" {
		t.Errorf("%v %v", o.ready.String(), err)
	}
}

func TestWithoutSockets(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, env := range map[string][]string{
		"none":        nil,
		"another pid": {"LISTEN_FDS=1", "LISTEN_PID=" + strconv.Itoa(os.Getpid())},
	} {
		cmd := exec.Command(self)
		cmd.Env = append(env, playsService+"=1")
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "no socket was handed over") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// A descriptor that is no socket is refused with its name.
func TestNoSocket(t *testing.T) {
	h := newHost(t, "tcp")
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	_ = h.file.Close() // the host's is not needed
	h.file = null
	p := h.start(t, nil)
	if status := p.ended(t); status != 1 || !strings.Contains(p.output(), "use the socket web: ") {
		t.Errorf("status %d: %s", status, p.output())
	}
}
