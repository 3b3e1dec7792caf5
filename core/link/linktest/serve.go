package linktest

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// serve greets a manager, and answers it until the channel closes.
func (s *Spawner) serve(fd posix.FD) {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.fd == fd {
			s.fd = -1
		}
		_ = s.kernel.Close(fd)
	}()
	s.mu.Lock()
	if s.fd == fd {
		s.greet()
	}
	s.mu.Unlock()
	buf := make([]byte, wire.MaxFrame)
	for {
		n, err := s.kernel.Recvmsg(fd, &posix.Msg{Data: buf}, 0)
		if errors.Is(err, posix.Errno(unix.EINTR)) {
			continue
		}
		if err != nil || n == 0 {
			return
		}
		f, err := wire.DecodeFrame(buf[:n])
		s.mu.Lock()
		if s.fd != fd {
			s.mu.Unlock()
			return // a manager that is not listened to any more
		}
		if err == nil {
			err = s.take(f)
		}
		if err != nil {
			s.bad = append(s.bad, fmt.Errorf("a frame of kind %s: %w", f.Kind, err))
		}
		s.mu.Unlock()
	}
}

// take answers a frame.
func (s *Spawner) take(f wire.Frame) error {
	switch f.Kind {
	case wire.KindPing:
		s.send(wire.Frame{Kind: wire.KindPong, ID: f.ID})
		return nil
	case wire.KindPong:
		return nil
	}
	if !f.Kind.Request() {
		return errors.New("it is no request")
	}
	f.Body = slices.Clone(f.Body)
	s.Requests = append(s.Requests, f)
	reply, fds, err := s.carryOut(f)
	if err != nil {
		return err
	}
	s.send(wire.Frame{Kind: wire.KindReply, ID: f.ID, Body: reply.Encode()}, fds...)
	if f.Kind != wire.KindStart {
		for _, fd := range fds {
			_ = s.kernel.Close(fd)
		}
	}
	if f.Kind == wire.KindFinish {
		s.finished <- f.Body[0]
		s.hangUp()
	}
	return nil
}

// carryOut does what a request wants. An error is a request that a manager never sends.
func (s *Spawner) carryOut(f wire.Frame) (reply wire.Reply, fds []posix.FD, err error) {
	switch f.Kind {
	case wire.KindStart:
		r, err := wire.DecodeStart(f.Body)
		if err != nil {
			return reply, nil, err
		}
		return s.start(r)
	case wire.KindSignal:
		r, err := wire.DecodeSignal(f.Body)
		if err != nil {
			return reply, nil, err
		}
		return s.signal(r.Instance, r.Signal), nil, nil
	case wire.KindKill:
		id, err := wire.DecodeID[wire.InstanceID](f.Body)
		return s.signal(id, uint8(unix.SIGKILL)), nil, err
	case wire.KindForget:
		id, err := wire.DecodeID[wire.InstanceID](f.Body)
		if i := s.instances[id]; err == nil && (i == nil || i.Exit == nil) {
			err = fmt.Errorf("forget %d, which has not ended or is not there", id)
		} else if err == nil {
			i.bury()
		}
		return reply, nil, err
	case wire.KindRemember:
		m, err := wire.DecodeMemo(f.Body)
		if s.memos[m.Key] = m.Data; len(m.Data) == 0 {
			delete(s.memos, m.Key)
		}
		return reply, nil, err
	case wire.KindPrepare:
		if s.Prepared == nil {
			return wire.Reply{Code: wire.Refused, Text: "there is nothing to prepare"}, nil, nil
		}
		var o wire.Outline
		if o, reply = s.Prepared(); o.Generation != 0 {
			s.prepared = &o
		}
		return reply, []posix.FD{s.sealed(o.Encode())}, nil
	case wire.KindCommit:
		if s.prepared == nil {
			return reply, nil, errors.New("nothing is prepared")
		}
		s.current, s.prepared = *s.prepared, nil
		return reply, nil, nil
	case wire.KindDiscard:
		s.prepared = nil
		return reply, nil, nil
	case wire.KindStats:
		return reply, []posix.FD{s.sealed(s.Stats.Encode())}, nil
	}
	return reply, nil, nil
}

func (s *Spawner) start(r wire.StartRequest) (wire.Reply, []posix.FD, error) {
	for _, i := range s.instances {
		if i.Exit == nil && i.Generation == r.Generation && i.Module == r.Module && i.Replica == r.Replica {
			return wire.Reply{}, nil, fmt.Errorf("start %s %d of generation %d a second time", r.Module, r.Replica, r.Generation)
		}
	}
	if s.Refuse != nil {
		if why := s.Refuse(r); why != "" {
			return wire.Reply{Code: wire.Failed, Text: why}, nil, nil
		}
	}
	i, err := s.launch(r)
	if err != nil {
		return wire.Reply{}, nil, err
	}
	if s.Started != nil {
		s.work.Go(func() { s.Started(i) })
	}
	return wire.Reply{Payload: i.Encode()}, i.kept, nil
}

// signal ends an instance, whatever the signal: none of them handles any.
func (s *Spawner) signal(id wire.InstanceID, signal uint8) wire.Reply {
	i := s.instances[id]
	if i == nil || i.Exit != nil {
		return wire.Reply{Code: wire.Refused, Text: fmt.Sprintf("instance %d does not run", id)}
	}
	i.end(wire.Exit{Code: 2, Status: int32(signal), Text: fmt.Sprintf("ended by signal %d", signal)})
	return wire.Reply{}
}
