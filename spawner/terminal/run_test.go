package terminal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// rawInside makes the new terminal raw, as an editor does, so that it changes no byte.
func rawInside(t testing.TB, p *Proxy) {
	t.Helper()
	var inner posix.Termios
	must(t, linux.New().Tcgetattr(p.slave, &inner))
	inner = rawMode(inner)
	must(t, linux.New().Tcsetattr(p.slave, tcsanow, &inner))
}

// A mebibyte of every byte in each direction, both at once. The second time the real terminal cannot be opened again.
func TestEveryByteBothWays(t *testing.T) {
	for name, reopen := range map[string]posix.Errno{"opened again": 0, "as inherited": unix.EACCES} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			k, o := linux.New(), sit(t)
			s := running(t, proxied(t, &failing{Kernel: k, reopen: reopen}, o))
			rawInside(t, s.Proxy)
			data := everyByte(1 << 20)
			inner, err := k.Openat2(posix.AtFDCWD, fmt.Sprintf("/proc/self/fd/%d", s.slave), posix.OpenHow{Flags: unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC})
			must(t, err)
			results := make(chan error, 3)
			go func() { results <- o.typing(data) }()
			go func() { results <- writeAll(inner, data) }()
			go func() {
				var got []byte
				buf := make([]byte, 8192)
				for len(got) < len(data) {
					n, err := k.Read(inner, buf)
					if err != nil {
						results <- err
						return
					}
					got = append(got, buf[:n]...)
				}
				if !bytes.Equal(got, data) {
					results <- errors.New("what arrives is not what was typed")
				}
				results <- nil
			}()
			o.look("a mebibyte", func(shown []byte) bool { return len(shown) >= len(data) })
			for range 3 {
				must(t, <-results)
			}
			must(t, k.Close(inner))
			s.end()
			if got := o.look("", func([]byte) bool { return true }); !bytes.Equal(got, data) {
				t.Errorf("%d bytes are on the screen, and not those %d that were written", len(got), len(data))
			}
		})
	}
}

// What is typed reaches a command whose output nobody takes.
func TestInputWhileOutputIsStuck(t *testing.T) {
	leak.Check(t)
	k, o := linux.New(), sit(t)
	s := running(t, proxied(t, k, o))
	rawInside(t, s.Proxy)
	inner, err := k.Openat2(posix.AtFDCWD, fmt.Sprintf("/proc/self/fd/%d", s.slave), posix.OpenHow{Flags: unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC | unix.O_NONBLOCK})
	must(t, err)
	defer func() { must(t, k.Close(inner)) }()
	text := bytes.Repeat([]byte("x"), 4096)
	for stuck := 0; stuck < 100; { // until neither terminal takes more
		_, err := k.Write(inner, text)
		if stuck++; err == nil {
			stuck = 0
		} else if !errors.Is(err, unix.EAGAIN) {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	must(t, o.typing([]byte{3}))
	var b [8]byte
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		n, err := k.Read(inner, b[:])
		if err == nil && n == 1 && b[0] == 3 {
			break
		}
		if !errors.Is(err, unix.EAGAIN) || time.Now().After(deadline) {
			t.Fatalf("read %q, %v", b[:max(n, 0)], err)
		}
	}
	// Now everything is taken, so that the end does not wait.
	go func() { close(s.done) }()
	stopped := make(chan error, 1)
	go func() { stopped <- <-s.passed; close(s.passed) }()
	for buf := make([]byte, 64<<10); ; {
		select {
		case err := <-stopped:
			must(t, err)
			return
		default:
			if _, err := k.Read(o.screen, buf); errors.Is(err, unix.EAGAIN) {
				time.Sleep(time.Millisecond)
			}
		}
	}
}

func TestCommand(t *testing.T) {
	leak.Check(t)
	o := sit(t)
	p := proxied(t, linux.New(), o)
	cmd := command(t, p, `stty size; test -t 0 -a -t 1 -a -t 2 && echo three terminals; echo "$(tty)" >/dev/tty; read line; echo "got <$line>"; cat; exit 7`)
	s := running(t, p)
	must(t, o.typing([]byte("hello\r")))
	o.see("25 81\r\n")
	o.see("three terminals\r\n")
	o.see("/dev/pts/")
	o.see("hello\r\n") // the echo
	o.see("got <hello>\r\n")
	must(t, o.typing([]byte("more\r\x04"))) // ^D ends cat, on a line of its own
	o.see("more\r\nmore\r\n")
	var status interface{ ExitStatus() int }
	_ = cmd.Wait()
	status = cmd.ProcessState.Sys().(syscall.WaitStatus)
	s.end()
	if status.ExitStatus() != 7 {
		t.Errorf("status %d", status.ExitStatus())
	}
	must(t, p.Close())
	if o.settings() != o.before {
		t.Error("the terminal is not restored")
	}
}

// ^C is a byte for us, and SIGINT for the command.
func TestInterrupt(t *testing.T) {
	leak.Check(t)
	o := sit(t)
	p := proxied(t, linux.New(), o)
	cmd := command(t, p, `trap 'echo interrupted; exit 3' INT; echo ready; while :; do sleep 0.01; done`)
	s := running(t, p)
	o.see("ready\r\n")
	must(t, o.typing([]byte{3}))
	o.see("^Cinterrupted\r\n")
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 3 {
		t.Errorf("status %d", code)
	}
	s.end()
}

// Everything that a command writes just before it ends is shown, also when that is more than a terminal holds.
func TestLastWords(t *testing.T) {
	leak.Check(t)
	for range 20 {
		o := sit(t)
		p := proxied(t, linux.New(), o)
		cmd := command(t, p, `i=0; while [ $i -lt 2000 ]; do echo "line $i of many"; i=$((i+1)); done`)
		s := running(t, p)
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); s.end(); close(ended) }()
		o.see("line 1999 of many\r\n")
		<-ended
		must(t, p.Close())
	}
}

// A command may close its streams and come back through /dev/tty.
func TestComesBackThroughDevTty(t *testing.T) {
	leak.Check(t)
	o := sit(t)
	p := proxied(t, linux.New(), o)
	cmd := command(t, p, `exec </dev/null >/dev/null 2>&1; sleep 0.2; echo back >/dev/tty`)
	s := running(t, p)
	o.see("back\r\n")
	must(t, cmd.Wait())
	s.end()
}

// Only the streams that are terminals are passed through.
func TestOutputToPipe(t *testing.T) {
	leak.Check(t)
	k, o := linux.New(), sit(t)
	r, w, err := k.Pipe2(unix.O_CLOEXEC)
	must(t, err)
	p, err := open(k, [3]posix.FD{o.stdin, w, o.stdin})
	must(t, err)
	defer func() { must(t, errors.Join(p.Close(), k.Close(r))) }()
	cmd := command(t, p, `echo to the pipe; echo to the terminal >&2`)
	must(t, k.Close(w))
	s := running(t, p)
	o.see("to the terminal\r\n")
	must(t, cmd.Wait())
	s.end()
	var buf [64]byte
	if n, err := k.Read(r, buf[:]); err != nil || string(buf[:n]) != "to the pipe\n" {
		t.Errorf("the pipe has %q, %v", buf[:n], err)
	}
	if shown := o.look("", func([]byte) bool { return true }); string(shown) != "to the terminal\r\n" {
		t.Errorf("the screen has %q", shown)
	}
}

// A standard input that is open for reading only (`… </dev/tty`) shows what is written all the same.
func TestReadOnlyInput(t *testing.T) {
	leak.Check(t)
	k, o := linux.New(), sit(t)
	in, err := k.Openat2(posix.AtFDCWD, fmt.Sprintf("/proc/self/fd/%d", o.stdin), posix.OpenHow{Flags: unix.O_RDONLY | unix.O_NOCTTY | unix.O_CLOEXEC})
	must(t, err)
	null, err := k.Openat2(posix.AtFDCWD, os.DevNull, posix.OpenHow{Flags: unix.O_WRONLY | unix.O_CLOEXEC})
	must(t, err)
	p, err := open(k, [3]posix.FD{in, null, null})
	must(t, err)
	defer func() { must(t, errors.Join(p.Close(), k.Close(in), k.Close(null))) }()
	cmd := command(t, p, `echo shown >/dev/tty`)
	s := running(t, p)
	o.see("shown\r\n")
	must(t, cmd.Wait())
	s.end()
}

func TestWindowChange(t *testing.T) {
	leak.Check(t)
	k, o := linux.New(), sit(t)
	p := proxied(t, k, o)
	cmd := command(t, p, `trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done`)
	s := running(t, p)
	o.see("ready\r\n")
	must(t, k.Tcsetwinsize(o.screen, posix.Winsize{Rows: 50, Cols: 132}))
	must(t, unix.Kill(os.Getpid(), unix.SIGWINCH)) // the terminal is not this process's own, so the kernel does not do it
	o.see("50 132\r\n")
	must(t, cmd.Wait())
	s.end()
}

// A shell sets the terminal for itself while we are stopped.
func TestRawAgainWhenContinued(t *testing.T) {
	leak.Check(t)
	k, o := linux.New(), sit(t)
	s := running(t, proxied(t, k, o))
	must(t, k.Tcsetattr(o.stdin, tcsanow, &o.before))
	for deadline := time.Now().Add(10 * time.Second); o.settings() != rawMode(o.before); time.Sleep(time.Millisecond) {
		must(t, unix.Kill(os.Getpid(), unix.SIGCONT)) // Run may not listen yet
		if time.Now().After(deadline) {
			t.Fatal("it is not raw again")
		}
	}
	s.end()
}

// When the window is closed the command is told, as if it had the real terminal, and nothing waits for ever.
func TestHangUp(t *testing.T) {
	leak.Check(t)
	o := sit(t)
	p := proxied(t, linux.New(), o)
	dir := t.TempDir()
	cmd := command(t, p, `trap 'echo yes >`+dir+`/hup; exit 5' HUP; echo ready; while :; do sleep 0.01; done`)
	s := running(t, p)
	o.see("ready\r\n")
	o.hangUp()
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 5 {
		t.Errorf("status %d", code)
	}
	if text, err := os.ReadFile(dir + "/hup"); err != nil || strings.TrimSpace(string(text)) != "yes" {
		t.Errorf("%q, %v", text, err)
	}
	select {
	case err := <-s.passed:
		t.Errorf("Run did not wait for the command: %v", err)
	default:
	}
	s.end()
	must(t, p.Close())
}

// The command's side is hung up for everybody (vhangup); the loop must not spin.
func TestPeerIsHungUp(t *testing.T) {
	leak.Check(t)
	k, o := linux.New(), sit(t)
	p := proxied(t, k, o)
	counted := &counting{Kernel: k}
	p.kernel = counted
	must(t, k.Close(p.slave)) // as good as a hang-up: nobody has it open
	p.slave = must2(k.Openat2(posix.AtFDCWD, os.DevNull, posix.OpenHow{Flags: unix.O_RDWR | unix.O_CLOEXEC}))(t)
	s := running(t, p)
	time.Sleep(50 * time.Millisecond)
	s.end()
	if counted.polls > 10 {
		t.Errorf("%d polls in 50 ms", counted.polls)
	}
}

type counting struct {
	*linux.Kernel
	polls int
}

func (c *counting) Ppoll(fds []posix.PollFD, timeout *posix.Timespec) (int, error) {
	c.polls++
	return c.Kernel.Ppoll(fds, timeout)
}

// A process that was left behind and writes without end does not keep Run from ending.
func TestEndsThoughSomebodyWritesOn(t *testing.T) {
	leak.Check(t)
	o := sit(t)
	p := proxied(t, linux.New(), o)
	cmd := command(t, p, `trap '' HUP; while :; do echo and on; done`)
	s := running(t, p)
	o.see("and on\r\n")
	close(s.done)
	ended := make(chan error, 1)
	go func() { ended <- <-s.passed; close(s.passed) }()
	deadline := time.After(20 * time.Second)
	for buf := make([]byte, 64<<10); ; {
		select {
		case err := <-ended:
			must(t, err)
			must(t, cmd.Process.Kill())
			_ = cmd.Wait()
			return
		case <-deadline:
			t.Fatal("Run goes on")
		default:
			if _, err := linux.New().Read(o.screen, buf); errors.Is(err, unix.EAGAIN) {
				time.Sleep(100 * time.Microsecond)
			}
		}
	}
}

// Copying allocates nothing once it runs.
func TestAllocations(t *testing.T) {
	k, o := linux.New(), sit(t)
	p := proxied(t, k, o)
	rawInside(t, p)
	buf, x := make([]byte, 16), []byte("x")
	to := pipe{buf: make([]byte, chunk)}
	if n := testing.AllocsPerRun(100, func() {
		_, _ = k.Write(p.slave, x)
		_, _ = p.read(p.master, &to)
		_ = p.write(p.out, &to)
		_, _ = k.Read(o.screen, buf)
	}); n != 0 {
		t.Errorf("%v allocations for a byte", n)
	}
}

func ExampleOpen() {
	// A file is no terminal; a program asks before, and then passes its streams on as they are.
	file, err := os.Open(os.DevNull)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = file.Close() }()
	_, err = Open(linux.New(), posix.FD(file.Fd()))
	fmt.Println(err)
	// Output: read the settings of the terminal: inappropriate ioctl for device
}
