package terminal

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
)

// outer is what a person sits at: a terminal emulator's side of a pseudo-terminal, whose other side is the real terminal of a Proxy.
type outer struct {
	t      testing.TB
	screen posix.FD // the emulator's side; -1 once it is closed
	stdin  posix.FD // the real terminal
	before posix.Termios

	shown bytes.Buffer
}

// sit opens a terminal of 25 lines and 81 columns.
func sit(t testing.TB) *outer {
	t.Helper()
	k := linux.New()
	o := &outer{t: t}
	var err error
	if o.screen, err = k.PosixOpenpt(unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC | unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	must(t, k.Unlockpt(o.screen))
	if o.stdin, err = k.OpenPeer(o.screen, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	must(t, k.Tcsetwinsize(o.stdin, posix.Winsize{Rows: 25, Cols: 81}))
	must(t, k.Tcgetattr(o.stdin, &o.before))
	t.Cleanup(func() {
		must(t, k.Close(o.stdin))
		o.hangUp()
	})
	return o
}

func (o *outer) hangUp() {
	if o.screen >= 0 {
		must(o.t, linux.New().Close(o.screen))
		o.screen = -1
	}
}

// settings returns those of the real terminal now.
func (o *outer) settings() posix.Termios {
	o.t.Helper()
	var now posix.Termios
	must(o.t, linux.New().Tcgetattr(o.stdin, &now))
	return now
}

// typing types all of data, as long as the terminal takes it.
func (o *outer) typing(data []byte) error { return writeAll(o.screen, data) }

// look reads what is on the screen until ok says that it is enough.
func (o *outer) look(what string, ok func(shown []byte) bool) []byte {
	o.t.Helper()
	buf := make([]byte, 64<<10)
	for deadline := time.Now().Add(20 * time.Second); ; {
		if ok(o.shown.Bytes()) {
			return o.shown.Bytes()
		}
		if time.Now().After(deadline) {
			o.t.Fatalf("%s is not on the screen; there are %d bytes: %.300q", what, o.shown.Len(), o.shown.Bytes())
		}
		n, err := linux.New().Read(o.screen, buf)
		if errors.Is(err, unix.EAGAIN) {
			time.Sleep(time.Millisecond)
			continue
		}
		if err != nil {
			o.t.Fatal(err)
		}
		o.shown.Write(buf[:n])
	}
}

// see waits until text is on the screen.
func (o *outer) see(text string) {
	o.t.Helper()
	o.look(text, func(shown []byte) bool { return bytes.Contains(shown, []byte(text)) })
}

// session is a Proxy that runs.
type session struct {
	*Proxy
	done   chan struct{}
	passed chan error
}

// proxied makes a Proxy for a terminal whose output goes there too.
func proxied(t testing.TB, k Kernel, o *outer) *Proxy {
	t.Helper()
	p, err := open(k, [3]posix.FD{o.stdin, o.stdin, o.stdin})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, p.Close()) })
	return p
}

func running(t testing.TB, p *Proxy) *session {
	s := &session{Proxy: p, done: make(chan struct{}), passed: make(chan error, 1)}
	go func() { s.passed <- p.Run(s.done) }()
	t.Cleanup(s.end)
	return s
}

// end says that the command has ended, and waits until everything is passed on.
func (s *session) end() {
	select {
	case <-s.done:
	default:
		close(s.done)
	}
	if err, ok := <-s.passed; ok {
		close(s.passed)
		if err != nil {
			panic(err)
		}
	}
}

// command starts a shell as a launch does: in a session of its own, with its standard input as controlling terminal.
func command(t testing.TB, p *Proxy, script string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", script)
	for i, fd := range p.Stdio() {
		file := os.NewFile(uintptr(must2(unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3))(t)), "stdio")
		defer func() { must(t, file.Close()) }()
		switch i {
		case 0:
			cmd.Stdin = file
		case 1:
			cmd.Stdout = file
		case 2:
			cmd.Stderr = file
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	must(t, cmd.Start())
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return cmd
}

func must2[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must(t, err)
		return v
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// writeAll writes all of data, waiting where it must.
func writeAll(fd posix.FD, data []byte) error {
	for len(data) > 0 {
		n, err := linux.New().Write(fd, data[:min(len(data), 4096)])
		if errors.Is(err, unix.EAGAIN) {
			time.Sleep(100 * time.Microsecond)
			continue
		}
		if err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// everyByte returns n bytes among which is every value, also next to each other in many ways.
func everyByte(n int) []byte {
	data := make([]byte, n)
	x := uint32(1)
	for i := range data {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		data[i] = byte(x)
	}
	return data
}

// failing is the running kernel, but some calls fail.
type failing struct {
	*linux.Kernel
	openpt, unlock, peer, eventfd, setattr, winsize, reopen posix.Errno
}

func (f *failing) PosixOpenpt(flags int) (posix.FD, error) {
	if f.openpt != 0 {
		return -1, f.openpt
	}
	return f.Kernel.PosixOpenpt(flags)
}

func (f *failing) Unlockpt(master posix.FD) error {
	if f.unlock != 0 {
		return f.unlock
	}
	return f.Kernel.Unlockpt(master)
}

func (f *failing) OpenPeer(master posix.FD, flags int) (posix.FD, error) {
	if f.peer != 0 {
		return -1, f.peer
	}
	return f.Kernel.OpenPeer(master, flags)
}

func (f *failing) Eventfd2(initial uint32, flags int) (posix.FD, error) {
	if f.eventfd != 0 {
		return -1, f.eventfd
	}
	return f.Kernel.Eventfd2(initial, flags)
}

func (f *failing) Tcsetattr(fd posix.FD, actions int, t *posix.Termios) error {
	if f.setattr != 0 && actions == tcsadrain {
		return f.setattr
	}
	return f.Kernel.Tcsetattr(fd, actions, t)
}

func (f *failing) Tcsetwinsize(fd posix.FD, w posix.Winsize) error {
	if f.winsize != 0 {
		return f.winsize
	}
	return f.Kernel.Tcsetwinsize(fd, w)
}

func (f *failing) Openat2(dir posix.FD, path string, how posix.OpenHow) (posix.FD, error) {
	if f.reopen != 0 {
		return -1, f.reopen
	}
	return f.Kernel.Openat2(dir, path, how)
}
