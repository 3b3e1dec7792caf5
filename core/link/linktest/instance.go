package linktest

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Instance is a module that is played.
type Instance struct {
	wire.Instance
	// Stdout and Stderr are what it writes to.
	Stdout, Stderr *Output
	// NotifyPath is the socket for sd_notify(3), of an instance that has one. The main process is the spawner's own.
	NotifyPath string

	s    *Spawner
	kept []posix.FD // the reading ends of its pipes, and its sockets
}

// launch makes the pipes and sockets of an instance.
func (s *Spawner) launch(r wire.StartRequest) (*Instance, error) {
	s.last++
	i := &Instance{s: s, Instance: wire.Instance{ID: s.last, Generation: r.Generation, Module: r.Module, Replica: r.Replica,
		PID: uint32(s.kernel.Getpid()), Started: time.Now(), Launch: time.Millisecond}}
	for _, w := range []**Output{&i.Stdout, &i.Stderr} {
		r, in, err := s.kernel.Pipe2(unix.O_CLOEXEC)
		if err != nil {
			return nil, fmt.Errorf("make a pipe: %w", err)
		}
		// The reader's end is non-blocking, as the spawner's own is.
		if _, err := s.kernel.Fcntl(r, unix.F_SETFL, unix.O_NONBLOCK); err != nil {
			return nil, fmt.Errorf("make a pipe non-blocking: %w", err)
		}
		i.kept = append(i.kept, r)
		*w = &Output{kernel: s.kernel, fd: in}
	}
	if s.module(r.Module).Health.Kind == "notify" {
		i.Notify = true
		i.NotifyPath = filepath.Join(s.Dir, fmt.Sprintf("notify-%d", i.ID))
		fd, err := s.kernel.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err == nil {
			i.kept = append(i.kept, fd)
			err = errors.Join(s.kernel.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1),
				s.kernel.Bind(fd, posix.Sockaddr{Family: unix.AF_UNIX, Path: i.NotifyPath}))
		}
		if err != nil {
			return nil, fmt.Errorf("make a notification socket: %w", err)
		}
	}
	s.instances[i.ID] = i
	return i, nil
}

// Say sends a notification.
func (i *Instance) Say(text string) error {
	fd, err := i.s.kernel.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	_, err = i.s.kernel.Sendmsg(fd, &posix.Msg{Data: []byte(text), Addr: posix.Sockaddr{Family: unix.AF_UNIX, Path: i.NotifyPath}}, 0)
	return errors.Join(err, i.s.kernel.Close(fd))
}

// End ends it with an exit status. Further calls do nothing.
func (i *Instance) End(status int32) {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	i.end(wire.Exit{Code: 1, Status: status, Text: fmt.Sprintf("exited with status %d", status)})
}

func (i *Instance) end(x wire.Exit) {
	if i.Exit != nil {
		return
	}
	x.At = time.Now()
	i.Exit = &x
	i.Stdout.Close()
	i.Stderr.Close()
	if i.s.greeted { // what greets tells it otherwise
		i.s.send(wire.Frame{Kind: wire.KindExited, Body: wire.ExitedEvent{Instance: i.ID, Exit: x}.Encode()})
	}
}

// bury closes what the spawner keeps of it.
func (i *Instance) bury() {
	for _, fd := range i.kept {
		_ = i.s.kernel.Close(fd)
	}
	i.kept = nil
	i.Stdout.Close()
	i.Stderr.Close()
	delete(i.s.instances, i.ID)
}

// Running tells whether it has not ended.
func (i *Instance) Running() bool {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	return i.Exit == nil
}
