package stage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/mock/gomock"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/host"
)

// goInside makes the test binary enter a user namespace; started again there, it tells what it found.
const goInside = "go-inside"

func TestMain(m *testing.M) {
	argv, h, err := Arguments(os.Args)
	switch {
	case h.Inside:
		os.Exit(tell(argv, h, err))
	case len(os.Args) > 1 && (os.Args[1] == goInside || os.Args[1] == joinPrepared):
		exe, err := os.Executable()
		if err == nil {
			var r, w *os.File
			if r, w, err = os.Pipe(); err == nil {
				_, err = w.WriteString("carried")
				err = errors.Join(err, w.Close())
			}
			if err == nil {
				// Without O_CLOEXEC, as the supervisor hands its policies over.
				var carried int
				if carried, err = unix.Dup(int(r.Fd())); err == nil {
					if os.Args[1] == joinPrepared {
						err = enterPrepared(exe, posix.FD(carried))
					} else {
						err = Enter(linux.New(), exe, os.Args, append(os.Environ(), "STAGE=kept"), posix.FD(carried), -1)
					}
				}
			}
		}
		fmt.Fprintln(os.Stderr, "stage:", err)
		os.Exit(3)
	}
	os.Exit(m.Run())
}

// report is what the process in the namespace says about itself.
type report struct {
	Argv               []string
	Error, Stage, Text string
	Facts              host.Facts
	UIDMap, GIDMap     string
	Setgroups, Program string
}

func tell(argv []string, h Handover, err error) int {
	r := report{Argv: argv, Stage: os.Getenv("STAGE")}
	if err != nil {
		r.Error = err.Error()
	} else {
		text := make([]byte, 100)
		n, err := unix.Read(int(h.Carried), text)
		if err != nil {
			r.Error = err.Error()
		}
		r.Text = string(text[:max(n, 0)])
	}
	if r.Facts, err = host.Probe(linux.New()); err != nil {
		r.Error += err.Error()
	}
	for name, to := range map[string]*string{"uid_map": &r.UIDMap, "gid_map": &r.GIDMap, "setgroups": &r.Setgroups} {
		text, _ := os.ReadFile("/proc/self/" + name)
		*to = strings.Join(strings.Fields(string(text)), " ")
	}
	r.Program, _ = os.Executable()
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		return 3
	}
	return 0
}

// inside runs the test binary in a user namespace.
func inside(t *testing.T, change func(*exec.Cmd)) report {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", goInside, "a b", "", "--c")
	cmd.Stderr = os.Stderr
	if change != nil {
		change(cmd)
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return r
}

func TestEnter(t *testing.T) {
	before, err := host.ProbeAll(linux.New())
	if err != nil {
		t.Fatal(err)
	}
	if errno := before.UserNS.Errno; errno != 0 {
		t.Skipf("this host lets user %d make no user namespace: %v", before.EUID, errno)
	}
	r := inside(t, nil)
	if r.Error != "" {
		t.Fatal(r.Error)
	}
	if len(r.Argv) != 5 || !slices.Equal(r.Argv[1:], []string{goInside, "a b", "", "--c"}) {
		t.Errorf("arguments %q", r.Argv)
	}
	if r.Stage != "kept" || r.Text != "carried" {
		t.Errorf("environment %q, the descriptor holds %q", r.Stage, r.Text)
	}
	if want := fmt.Sprintf("%d %d 1", before.EUID, before.EUID); r.UIDMap != want {
		t.Errorf("uid_map is %q, want %q", r.UIDMap, want)
	}
	if want := fmt.Sprintf("%d %d 1", before.EGID, before.EGID); r.GIDMap != want {
		t.Errorf("gid_map is %q, want %q", r.GIDMap, want)
	}
	f := r.Facts
	if r.Setgroups != "deny" || f.UserNS.Initial || f.EUID != before.EUID || f.EGID != before.EGID {
		t.Errorf("setgroups %q, user %d, group %d, initial namespace: %v", r.Setgroups, f.EUID, f.EGID, f.UserNS.Initial)
	}
	if all := uint64(1)<<(f.Capabilities.Last+1) - 1; f.Capabilities.Effective != all || f.Capabilities.Permitted != all {
		t.Errorf("capabilities %#x of %#x", f.Capabilities.Effective, all)
	}
}

// TestEnterWhereItIsForbidden: when the limit of user namespaces is 0, the program is started all the same and can say why.
func TestEnterWhereItIsForbidden(t *testing.T) {
	facts, err := host.ProbeAll(linux.New())
	if err != nil {
		t.Fatal(err)
	}
	if errno := facts.UserNS.Errno; errno != 0 {
		if r := inside(t, nil); !strings.Contains(r.Error, errno.Error()) {
			t.Errorf("the kernel says %v; the program %q", errno, r.Error)
		}
		return
	}
	// A user namespace whose own limit is 0 is the place where the kernel says no.
	script := `echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"`
	r := inside(t, func(c *exec.Cmd) {
		exe, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		c.Path, c.Args = "/bin/sh", append([]string{"sh", "-c", script, "sh", exe}, c.Args[1:]...)
		c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}}
	})
	if !strings.Contains(r.Error, "enter a user namespace: no space left on device (user.max_user_namespaces is 0 or reached: sysctl") {
		t.Errorf("%q", r.Error)
	}
	if !slices.Equal(r.Argv[1:], []string{goInside, "a b", "", "--c"}) {
		t.Errorf("arguments %q", r.Argv)
	}
}

func TestArguments(t *testing.T) {
	tests := []struct {
		argv   []string
		rest   []string
		inside bool
		fd     posix.FD
		says   string
	}{
		{nil, nil, false, -1, ""},
		{[]string{"supervisor"}, []string{"supervisor"}, false, -1, ""},
		{[]string{"supervisor", "exec", mark + "3:000"}, []string{"supervisor", "exec", mark + "3:000"}, false, -1, ""},
		{[]string{"supervisor", mark + "3:000"}, []string{"supervisor"}, true, 3, ""},
		{[]string{"supervisor", mark + "12:000", "exec", "--"}, []string{"supervisor", "exec", "--"}, true, 12, ""},
		{[]string{"supervisor", mark + "3:001", "exec"}, []string{"supervisor", "exec"}, true, 3, "operation not permitted (the host forbids them"},
		{[]string{"supervisor", mark + "3:028"}, []string{"supervisor"}, true, 3, "no space left on device (user.max_user_namespaces is 0 or reached"},
		{[]string{"supervisor", mark + "3:022"}, []string{"supervisor"}, true, 3, "invalid argument"},
		{[]string{"supervisor", mark}, []string{"supervisor"}, true, -1, "argument"},
		{[]string{"supervisor", mark + "3"}, []string{"supervisor"}, true, -1, "argument"},
		{[]string{"supervisor", mark + "x:000"}, []string{"supervisor"}, true, -1, "argument"},
		{[]string{"supervisor", mark + "3:-01"}, []string{"supervisor"}, true, -1, "argument"},
		{[]string{"supervisor", mark + "99999999999:000"}, []string{"supervisor"}, true, -1, "argument"},
	}
	for _, tt := range tests {
		before := slices.Clone(tt.argv)
		rest, h, err := Arguments(tt.argv)
		if !slices.Equal(rest, tt.rest) || h.Inside != tt.inside || h.Carried != tt.fd {
			t.Errorf("%q: %q, %+v", tt.argv, rest, h)
		}
		if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%q: %v, want %q", tt.argv, err, tt.says)
		}
		if !slices.Equal(before, tt.argv) {
			t.Errorf("the command line was changed: %q", tt.argv)
		}
	}
}

// TestEnterFails: what cannot be done is an error, and the file in memory is closed.
func TestEnterFails(t *testing.T) {
	tests := []struct {
		name   string
		expect func(*mocks.Core)
		is     error
		says   string
	}{
		{"no memory", func(c *mocks.Core) {
			c.Memory.EXPECT().MemfdCreate(gomock.Any(), unix.MFD_CLOEXEC|unix.MFD_EXEC).Return(posix.FD(-1), posix.Errno(unix.ENOMEM))
		}, unix.ENOMEM, "create a file in memory"},
		{"old kernel without memory", func(c *mocks.Core) {
			c.Memory.EXPECT().MemfdCreate(gomock.Any(), unix.MFD_CLOEXEC|unix.MFD_EXEC).Return(posix.FD(-1), posix.Errno(unix.EINVAL))
			c.Memory.EXPECT().MemfdCreate(gomock.Any(), unix.MFD_CLOEXEC).Return(posix.FD(-1), posix.Errno(unix.EMFILE))
		}, unix.EMFILE, "create a file in memory"},
		{"short write", func(c *mocks.Core) {
			c.Memory.EXPECT().MemfdCreate(gomock.Any(), gomock.Any()).Return(posix.FD(9), nil)
			c.Files.EXPECT().Write(posix.FD(9), helper).Return(10, nil)
			c.Files.EXPECT().Close(posix.FD(9)).Return(nil)
		}, io.ErrShortWrite, "write 10 of "},
		{"write fails", func(c *mocks.Core) {
			c.Memory.EXPECT().MemfdCreate(gomock.Any(), gomock.Any()).Return(posix.FD(9), nil)
			c.Files.EXPECT().Write(posix.FD(9), helper).Return(-1, posix.Errno(unix.ENOSPC))
			c.Files.EXPECT().Close(posix.FD(9)).Return(nil)
		}, unix.ENOSPC, "bytes to memory"},
		{"memory cannot be executed", func(c *mocks.Core) {
			c.Memory.EXPECT().MemfdCreate(gomock.Any(), gomock.Any()).Return(posix.FD(9), nil)
			c.Files.EXPECT().Write(posix.FD(9), helper).Return(len(helper), nil)
			c.Credentials.EXPECT().Geteuid().Return(posix.UID(1000))
			c.Credentials.EXPECT().Getegid().Return(posix.GID(100))
			c.Processes.EXPECT().Execve("/proc/self/fd/9", []string{"bulkhead-userns", "1000 1000 1", "100 100 1", "/usr/bin/supervisor",
				"supervisor", "role:inside-userns:7:000", "exec"}, []string{"A=b"}).Return(posix.Errno(unix.EACCES))
			c.Files.EXPECT().Close(posix.FD(9)).Return(nil)
		}, unix.EACCES, "execute the helper"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := mocks.NewCore(gomock.NewController(t))
			tt.expect(c)
			err := Enter(c, "/usr/bin/supervisor", []string{"supervisor", "exec"}, []string{"A=b"}, 7, -1)
			if err == nil || !strings.Contains(err.Error(), tt.says) || !errors.Is(err, tt.is) {
				t.Errorf("%v, want %q", err, tt.says)
			}
			if strings.Contains(err.Error(), "%!") || strings.Contains(err.Error(), "nil") {
				t.Errorf("the text is spoiled: %v", err)
			}
		})
	}
}
