package spawner

import (
	"encoding/binary"
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// signalled is a kernel that says of this process that all signals are blocked, and gives it those that are written into a pipe.
type signalled struct {
	posix.Core
	mask posix.Sigset
	pipe posix.FD
	read error
}

func (s *signalled) RtSigprocmask(_ int, _, old *posix.Sigset) error {
	*old = s.mask
	return nil
}

func (s *signalled) Signalfd4(posix.FD, posix.Sigset, int) (posix.FD, error) { return s.pipe, nil }

func (s *signalled) Read(fd posix.FD, p []byte) (int, error) {
	if s.read != nil && fd == s.pipe {
		return 0, s.read
	}
	return s.Core.Read(fd, p)
}

// TestTakenSignals: what is read from the descriptor is passed on like what the runtime sends, and what came before the command, too.
func TestTakenSignals(t *testing.T) {
	for _, c := range []struct {
		name   string
		mask   posix.Sigset
		read   error
		status int
		err    error
	}{
		{"blocked", ^posix.Sigset(0), nil, 33, nil},
		{"not all", posix.Sigbit(unix.SIGTERM), nil, 0, nil},
		{"cannot be read", ^posix.Sigset(0), posix.Errno(unix.EIO), 0, unix.EIO},
	} {
		t.Run(c.name, func(t *testing.T) {
			leak.Check(t)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _, _ = r.Close(), w.Close() }()
			k := &signalled{Core: linux.New(), mask: c.mask, pipe: posix.FD(r.Fd()), read: c.read}
			s, err := TakeSignals(k)
			if err != nil {
				t.Fatal(err)
			}
			if taken := s.fd >= 0; taken != (c.mask == ^posix.Sigset(0)) {
				t.Fatalf("taken: %t", taken)
			}
			if s.fd < 0 {
				<-s.caught
				return
			}
			info := make([]byte, posix.SignalInfoSize)
			binary.NativeEndian.PutUint32(info, uint32(unix.SIGUSR1))
			script := "trap 'exit 33' USR1; kill -STOP $$; while :; do :; done"
			if c.read != nil {
				script = "while :; do :; done"
			}
			m := shell("exec", script)
			h := hostOf(t, k)
			exit, err := h.Run(Foreground{Module: &m, Signals: s, Started: func(i *Instance) error {
				if c.read == nil { // it has set its trap when it stops itself
					var stopped posix.WaitInfo
					if err := k.Waitid(posix.PPidfd, int(i.Pidfd), &stopped, unix.WSTOPPED|unix.WNOWAIT); err != nil {
						return err
					}
				}
				_, err := w.Write(info)
				if c.read == nil {
					binary.NativeEndian.PutUint32(info, uint32(unix.SIGCONT))
					_, err = w.Write(info)
				}
				return err
			}})
			if !errors.Is(err, c.err) || c.err == nil && exit.ShellStatus() != c.status {
				t.Errorf("%+v, %v; want status %d, %v", exit, err, c.status, c.err)
			}
		})
	}
}
