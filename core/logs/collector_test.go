package logs

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/wire"
	"github.com/bulkhead/bulkhead/tests/leak"
)

func TestLines(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	tests := []struct {
		name, wrote string
		want        []string
	}{
		{"one", "a\n", []string{"a"}},
		{"some, with an empty one", "a\n\nb\n", []string{"a", "", "b"}},
		{"DOS", "a\r\nb\r\r\n", []string{"a", "b\r"}},
		{"the last one without an end", "a\nb", []string{"a", "b"}},
		{"nothing but one without an end", "b", []string{"b"}},
		{"nothing", "", nil},
		{"as long as a line can be", long + "\n", []string{long}},
		{"longer by one", long + "y\n", []string{long, "y"}},
		{"longer by an end of line of DOS", long + "\r\n", []string{long, ""}},
		{"no end for long", strings.Repeat(long, 9) + "z", append(slices.Repeat([]string{long}, 9), "z")},
		{"binary", "\x00\xff\x1b[1m\n", []string{"\x00\xff\x1b[1m"}},
		{"many", strings.Repeat("l\n", 100_000), slices.Repeat([]string{"l"}, 100_000)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := start(t)
			out, errs := s.attach(1, "web", 0)
			errs.close()
			if _, err := out.Write([]byte(test.wrote)); err != nil {
				t.Fatal(err)
			}
			out.close()
			s.end(1)
			if got := lines(s.text(), "web"); !slices.Equal(got, test.want) {
				t.Errorf("%d lines: %.200q", len(got), got)
			}
		})
	}
}

// What has been written is in the log although its writer is still there, but for a line that has not ended.
func TestWhileItRuns(t *testing.T) {
	s := start(t)
	out, errs := s.attach(1, "web", 0)
	out.print("one\ntwo\nthr")
	s.wait(func(text string) bool { return text == "web | one\nweb | two\n" })
	for _, piece := range []string{"e", "e", "\n", "fo", "ur\nfive"} {
		out.print("%s", piece)
	}
	s.wait(func(text string) bool { return text == "web | one\nweb | two\nweb | three\nweb | four\n" })
	errs.print("oops\n")
	s.wait(func(text string) bool { return strings.HasSuffix(text, "four\nweb | oops\n") })
	// Somebody else still holds the other end, but the instance has ended.
	s.end(1)
	if got := lines(s.text(), "web"); !slices.Equal(got, []string{"one", "two", "three", "four", "oops", "five"}) {
		t.Errorf("%q", got)
	}
}

func TestByteByByte(t *testing.T) {
	s := start(t)
	out, _ := s.attach(1, "web", 2)
	var want []string
	for i := range 40 {
		l := fmt.Sprintf("line %d with %s", i, strings.Repeat("-", i))
		want = append(want, l)
		for _, b := range []byte(l + "\n") {
			out.print("%c", b)
		}
	}
	s.end(1)
	if got := lines(s.text(), "web-2"); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// A line that cannot end because its pipe is full is broken; how it was made full does not matter.
func TestPipesThatFillUp(t *testing.T) {
	tests := []struct {
		name string
		fill func(t *testing.T, w *writer) (wrote int)
	}{
		{"a small pipe", func(t *testing.T, w *writer) int {
			if _, err := w.k.Fcntl(w.fd, unix.F_SETPIPE_SZ, 4096); err != nil {
				t.Fatal(err)
			}
			return 4096
		}},
		{"tiny pieces", func(t *testing.T, w *writer) int {
			// Packets are not merged: each takes a place of the pipe.
			if _, err := w.k.Fcntl(w.fd, unix.F_SETFL, unix.O_DIRECT); err != nil {
				t.Fatal(err)
			}
			return 16
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := start(t)
			out, _ := s.attach(1, "web", 0)
			n := test.fill(t, out)
			for range n {
				out.print("x")
			}
			s.wait(func(text string) bool { return text == "web | "+strings.Repeat("x", n)+"\n" })
			out.print("y\n")
			s.wait(func(text string) bool { return strings.HasSuffix(text, "web | y\n") })
			s.end(1)
		})
	}
}

// A beginning that is not going on is not a line, as long as it can.
func TestPromptIsNotBroken(t *testing.T) {
	s := start(t)
	out, _ := s.attach(1, "web", 0)
	other, _ := s.attach(2, "db", 0)
	out.print("login: ")
	time.Sleep(stall + 200*time.Millisecond) // the real time after which it is looked at
	other.print("here\n")
	if text := s.wait(func(text string) bool { return text != "" }); text != "db  | here\n" {
		t.Errorf("%q", text)
	}
	out.print("root\n")
	s.wait(func(text string) bool { return strings.HasSuffix(text, "web | login: root\n") })
}

// A write that fills the pipe waits for room, and is no event while the beginning of a line is in it: see stall.
func TestWriteThatFillsThePipe(t *testing.T) {
	s := start(t)
	out, _ := s.attach(1, "web", 0)
	out.print("login: ")
	time.Sleep(stall + 200*time.Millisecond) // the real time after which it is looked at as something that may stay
	const long = 400_000
	go out.print("%s\n", strings.Repeat("x", long))
	s.wait(func(text string) bool { return strings.Count(text, "x") == long && strings.HasSuffix(text, "x\n") })
	s.end(1)
}

// A module that writes without end has its turns, and so has everybody else.
func TestFloodStarvesNobody(t *testing.T) {
	s := start(t)
	flood, _ := s.attach(1, "bad", 0)
	quiet, _ := s.attach(2, "ok", 0)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		data := []byte(strings.Repeat(strings.Repeat("f", 99)+"\n", 600))
		for {
			select {
			case <-stop:
				return
			default:
				if _, err := flood.Write(data); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	ch := s.ring.Subscribe(t.Context(), []string{"ok"}, 0)
	var worst time.Duration
	for i := range 50 {
		began := time.Now()
		quiet.print("%d\n", i)
		if l := <-ch; l.Line != fmt.Sprint(i) || l.PID != 1002 {
			t.Fatalf("%+v", l)
		}
		worst = max(worst, time.Since(began))
	}
	close(stop)
	wg.Wait()
	t.Logf("the longest wait of the quiet one: %s", worst)
	if worst > 2*time.Second {
		t.Errorf("the quiet one has waited for %s", worst)
	}
}

func TestManyInstances(t *testing.T) {
	s := start(t)
	var wg sync.WaitGroup
	const n, each = 50, 200
	for id := range n {
		out, errs := s.attach(wire.InstanceID(id), fmt.Sprintf("m%d", id), 0)
		wg.Go(func() {
			for i := range each {
				fmt.Fprintf(out, "%d\n", i)
				fmt.Fprintf(errs, "%d\n", i)
			}
			out.close()
			errs.close()
		})
	}
	wg.Wait()
	for id := range n {
		s.end(wire.InstanceID(id))
	}
	text := s.text()
	for id := range n {
		if got := lines(text, fmt.Sprintf("m%d", id)); len(got) != 2*each {
			t.Errorf("%d lines of %d", len(got), id)
		}
	}
	if len(s.c.instances) != 0 {
		t.Errorf("%d instances are remembered", len(s.c.instances))
	}
	s.end(777) // of which nothing was ever attached
}

// mortal makes calls until its time has come. Then it does what SIGKILL does: nothing happens any more, and a write may have been cut.
type mortal struct {
	*linux.Kernel
	left int
	cut  bool
	own  map[posix.FD]bool // descriptors that are open
}

func (m *mortal) die() {
	if m.left--; m.left < 0 {
		runtime.Goexit()
	}
}

func (m *mortal) Tee(in, out posix.FD, size, flags int) (int, error) {
	m.die()
	return m.Kernel.Tee(in, out, size, flags)
}

func (m *mortal) Read(fd posix.FD, p []byte) (int, error) {
	m.die()
	return m.Kernel.Read(fd, p)
}

func (m *mortal) EpollWait(fd posix.FD, e []posix.EpollEvent, timeout int) (int, error) {
	m.die()
	return m.Kernel.EpollWait(fd, e, timeout)
}

func (m *mortal) Write(fd posix.FD, p []byte) (int, error) {
	if len(p) > 8 { // not the eventfd, which others write to
		if m.left == 0 && m.cut {
			_, _ = m.Kernel.Write(fd, p[:len(p)/2])
		}
		m.die()
	}
	return m.Kernel.Write(fd, p)
}

func (m *mortal) Pipe2(flags int) (r, w posix.FD, err error) {
	r, w, err = m.Kernel.Pipe2(flags)
	m.own[r], m.own[w] = true, true
	return r, w, err
}

func (m *mortal) EpollCreate1(flags int) (posix.FD, error) {
	fd, err := m.Kernel.EpollCreate1(flags)
	m.own[fd] = true
	return fd, err
}

func (m *mortal) Eventfd2(initial uint32, flags int) (posix.FD, error) {
	fd, err := m.Kernel.Eventfd2(initial, flags)
	m.own[fd] = true
	return fd, err
}

func (m *mortal) Close(fd posix.FD) error {
	delete(m.own, fd)
	return m.Kernel.Close(fd)
}

// bury closes what the kernel would have closed.
func (m *mortal) bury() {
	for fd := range m.own {
		_ = m.Kernel.Close(fd)
	}
}

// The manager is killed before each of its calls in turn, and in the middle of each write. Its successor has the same pipes, and the log has every
// line at least once, in order.
func TestKilledAtAnyMoment(t *testing.T) {
	for _, cut := range []bool{false, true} {
		t.Run(fmt.Sprintf("cut=%t", cut), func(t *testing.T) {
			leak.Check(t)
			moment := 0
			for killOnce(t, &mortal{Kernel: linux.New(), left: moment, cut: cut, own: map[posix.FD]bool{}}) {
				moment++
			}
			t.Logf("killed at %d moments", moment)
			if moment < 12 {
				t.Errorf("killed only %d times", moment)
			}
		})
	}
}

// killOnce reports whether it lived long enough to be killed.
func killOnce(t *testing.T, m *mortal) bool {
	t.Helper()
	moment := m.left
	f, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	out, in, kept := sharedPipe(t, m)
	err2, in2, kept2 := sharedPipe(t, m)
	in2.close()
	first := collect(t, m, posix.FD(f.Fd()), "text", false)
	source := Source{Instance: 1, Module: "web"}
	first.c.Attach(source, out, err2)
	var want []string
	for i := range 6 {
		want = append(want, fmt.Sprintf("line %d %s", i, strings.Repeat("=", 777*i)))
		in.print("%s", want[i][:4])
		in.print("%s\n", want[i][4:])
	}
	want = append(want, "the end")
	in.print("the end")
	in.close()
	first.c.Ended(1)
	killed := false
	select {
	case <-first.drained:
		first.c.Stop()
		if err := <-first.done; err != nil && !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
	case err := <-first.done:
		if !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		killed = true
	}
	m.bury()
	second := collect(t, linux.New(), posix.FD(f.Fd()), "text", true)
	second.c.Attach(source, kept, kept2)
	second.c.Ended(1)
	<-second.drained
	second.c.Stop()
	if err := <-second.done; err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, l := range lines(string(text), "web") {
		if at < len(want) && l == want[at] {
			at++
		}
	}
	if at != len(want) {
		t.Errorf("killed at call %d: %q is missing in %.3000q", moment, want[at], text)
	}
	return killed
}

// sharedPipe is the output of an instance, whose reading end the manager has and the spawner keeps.
func sharedPipe(t *testing.T, m *mortal) (out posix.FD, in *writer, kept posix.FD) {
	t.Helper()
	out, w, err := m.Kernel.Pipe2(unix.O_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := m.Fcntl(out, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	m.own[out] = true
	return out, &writer{t, m.Kernel, w}, posix.FD(fd)
}
