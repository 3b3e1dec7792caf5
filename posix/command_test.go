package posix_test

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
)

// The same commands on Linux and on the in-memory kernel, where /bin/sh is what is needed of it.
func TestCommand(t *testing.T) {
	k := kernel.New(kernel.Config{})
	if err := k.Install("/bin/sh", 0o755, shell); err != nil {
		t.Fatal(err)
	}
	for name, core := range map[string]posix.Core{"Linux": linux.New(), "kernel": k.Init()} {
		t.Run(name, func(t *testing.T) { testCommand(t, core) })
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}

func testCommand(t *testing.T, core posix.Core) {
	r, w, err := core.Pipe2(unix.O_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	in, out, err := core.Pipe2(unix.O_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	program, err := posix.Command{
		Path: "/bin/sh", Args: []string{"sh", "-c", `read line; echo "$line, $WHOM"; exit 7`}, Env: []string{"WHOM=world"},
		Files: []posix.FD{in, w, posix.NoFD},
	}.Program()
	if err != nil {
		t.Fatal(err)
	}
	child, err := core.Clone3(&posix.CloneArgs{ExitSignal: unix.SIGCHLD, Program: program})
	if err != nil || child.Failed != nil {
		t.Fatalf("clone3: %v, %+v", err, child.Failed)
	}
	if n, err := core.Write(out, []byte("hello\n")); n != 6 || err != nil {
		t.Errorf("write: %d, %v", n, err)
	}
	b := make([]byte, 100)
	n, err := core.Read(r, b)
	if err != nil || string(b[:n]) != "hello, world\n" {
		t.Errorf("the program wrote %q, %v", b[:max(n, 0)], err)
	}
	var info posix.WaitInfo
	if err := core.Waitid(posix.PPidfd, int(child.Pidfd), &info, unix.WEXITED); err != nil || info.Code != posix.CldExited || info.Status != 7 {
		t.Errorf("%+v, %v; want exit status 7", info, err)
	}
	for _, fd := range []posix.FD{r, w, in, out, child.Pidfd} {
		if err := core.Close(fd); err != nil {
			t.Error(err)
		}
	}
}

// shell does on the in-memory kernel what testCommand asks of a shell, and ends with another status when it is asked for something else.
func shell(p *kernel.Process, argv, env []string) int {
	if strings.Join(argv, " ") != `sh -c read line; echo "$line, $WHOM"; exit 7` || strings.Join(env, " ") != "WHOM=world" {
		return 1
	}
	b := make([]byte, 100)
	n, err := p.Read(0, b)
	if err != nil {
		return 2
	}
	if _, err := p.Write(1, []byte(strings.TrimSuffix(string(b[:n]), "\n")+", world\n")); err != nil {
		return 3
	}
	return 7
}

func TestCommandsThatCannotBe(t *testing.T) {
	for name, c := range map[string]posix.Command{
		"zero byte in the path":     {Path: "/bin/\x00"},
		"zero byte in an argument":  {Path: "/bin/true", Args: []string{"a", "\x00"}},
		"zero byte in the variable": {Path: "/bin/true", Env: []string{"A=\x00"}},
		"too many files":            {Path: "/bin/true", Files: make([]posix.FD, posix.MaxSlots+1)},
	} {
		if p, err := c.Program(); p != nil || !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}

// A program that is not there is the last step's failure, and the child is reaped as usual.
func TestCommandOfNothing(t *testing.T) {
	program, err := posix.Command{Path: os.DevNull + "/none", Args: []string{"none"}}.Program()
	if err != nil {
		t.Fatal(err)
	}
	for name, core := range map[string]posix.Core{"Linux": linux.New(), "kernel": kernel.New(kernel.Config{}).Init()} {
		child, err := core.Clone3(&posix.CloneArgs{ExitSignal: unix.SIGCHLD, Program: program})
		if err != nil || child.Failed == nil || child.Failed.Errno != unix.ENOTDIR || child.Failed.Step != len(program.Steps)-1 {
			t.Errorf("%s: %v, %+v; want ENOTDIR in the last step", name, err, child.Failed)
		}
		if err := core.Waitid(posix.PPidfd, int(child.Pidfd), &posix.WaitInfo{}, unix.WEXITED); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := core.Close(child.Pidfd); err != nil {
			t.Error(err)
		}
	}
}
