package invoke

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/source"
)

func TestHandOver(t *testing.T) {
	core := linux.New()
	want := carried{
		Sources: []compile.Source{{Name: "web.yaml", Dir: "/etc", Text: []byte("version: 1\n# \xff")}, {Name: "large", Text: make([]byte, 300<<10)}},
		Trusted: []source.Identity{{Dev: 1, Ino: 1<<64 - 1}, {Dev: 2, Ino: 3}},
	}
	fd, err := handOver(core, want)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := core.Write(fd, []byte("x")); !errors.Is(err, unix.EPERM) {
		t.Errorf("it can be written: %v", err)
	}
	got, err := receive(core, fd)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got.Trusted, err)
	}
	if _, err := core.Fcntl(fd, unix.F_GETFD, 0); !errors.Is(err, unix.EBADF) {
		t.Errorf("it is still open: %v", err)
	}
}

// TestReceiveRefuses: what anybody can hand over who starts this program.
func TestReceiveRefuses(t *testing.T) {
	core := linux.New()
	memory := func(text string, seals int) posix.FD {
		fd, err := core.MemfdCreate("test", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = core.Close(fd) })
		if _, err := core.Write(fd, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, err := core.Fcntl(fd, unix.F_ADD_SEALS, seals); err != nil {
			t.Fatal(err)
		}
		return fd
	}
	for _, tt := range []struct {
		name string
		fd   posix.FD
		says string
	}{
		{"nothing", -1, "bad file descriptor"},
		{"not sealed", memory(`{"sources":[{"Name":"x"}]}`, 0), "they are not sealed"},
		{"sealed half", memory(`{"sources":[{"Name":"x"}]}`, unix.F_SEAL_GROW), "they are not sealed"},
		{"junk", memory("junk", unix.F_SEAL_WRITE), "invalid character"},
		{"empty", memory("{}", unix.F_SEAL_WRITE), io.ErrUnexpectedEOF.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := receive(core, tt.fd)
			var exit *ExitError
			if !errors.As(err, &exit) || exit.Status != StatusSupervisor || !strings.Contains(err.Error(), tt.says) || len(c.Sources) > 0 {
				t.Errorf("%+v, %v", c, err)
			}
		})
	}
}
