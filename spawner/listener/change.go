package listener

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Change gives an open listener those properties of l that can change while it is open: the backlog, and of a unix socket the mode and the
// owner. It says what it changed ("mode 0600 to 0660"), and returns how to take that back. After an error nothing is changed, but for what
// the error says could not be taken back. l must have the socket's identity.
func (s *Socket) Change(k Kernel, l policy.Listener) (undo func() error, changed []string, err error) {
	before, backlog := s.listener, s.Backlog
	var undos []func() error
	back := func() error {
		var errs []error
		for i := len(undos) - 1; i >= 0; i-- {
			errs = append(errs, undos[i]())
		}
		s.listener, s.Backlog, undos = before, backlog, nil
		return errors.Join(errs...)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("change the listener on %s: %w", s.Identity, errors.Join(err, back()))
			undo, changed = nil, nil
		}
	}()
	if id := IdentityOf(l); id != s.Identity {
		return nil, nil, fmt.Errorf("bug: %s is another socket; please report it", id)
	}
	if s.Identity.Family == unix.AF_UNIX {
		undoPath, what, err := s.changePath(k, l)
		if err != nil {
			return nil, nil, err
		}
		if undoPath != nil {
			undos, changed = append(undos, undoPath), append(changed, what...)
		}
	}
	if now := backlogOf(l); now != backlog {
		if err := k.Listen(s.FD, now); err != nil {
			return nil, nil, advise(s.Identity, "listen", err)
		}
		undos = append(undos, func() error {
			if err := k.Listen(s.FD, backlog); err != nil {
				return advise(s.Identity, "listen with the old backlog", err)
			}
			return nil
		})
		s.Backlog = now
		changed = append(changed, fmt.Sprintf("backlog %d to %d", backlog, now))
	}
	s.listener = l
	return back, changed, nil
}

// look is who may use a unix socket.
type look struct {
	mode uint32
	owner
}

// changePath changes mode and owner of the path. It returns no undo when there was nothing to change.
func (s *Socket) changePath(k Kernel, l policy.Listener) (undo func() error, changed []string, err error) {
	wanted, err := ownerOf(l)
	if err != nil {
		return nil, nil, err
	}
	if wanted.uid == nobody.uid {
		wanted.uid = s.born.uid
	}
	if wanted.gid == nobody.gid {
		wanted.gid = s.born.gid
	}
	old, err := s.wear(k, look{l.Mode.V, wanted})
	if err != nil {
		return nil, nil, err
	}
	if old.mode != l.Mode.V {
		changed = append(changed, fmt.Sprintf("mode %04o to %04o", old.mode, l.Mode.V))
	}
	if old.owner != wanted {
		changed = append(changed, fmt.Sprintf("owner %d:%d to %d:%d", old.uid, old.gid, wanted.uid, wanted.gid))
	}
	if changed == nil {
		return nil, nil, nil
	}
	return func() error {
		_, err := s.wear(k, old)
		return err
	}, changed, nil
}

// wear makes a look the socket's and returns the one before. At no time may somebody use the socket who may do so neither before nor after.
func (s *Socket) wear(k Kernel, wanted look) (was look, err error) {
	p, err := placeOf(k, s.Identity)
	if err != nil {
		return look{}, err
	}
	defer func() { err = errors.Join(err, k.Close(p.dir)) }()
	fd, st, err := p.hold(s.dev, s.ino)
	if err != nil {
		return look{}, err
	}
	defer func() { err = errors.Join(err, k.Close(fd)) }()
	old := look{st.Mode & 0o7777, owner{st.UID, st.GID}}
	at := old
	defer func() { // what was done before an error
		if err == nil {
			return
		}
		if at.owner != old.owner {
			err = errors.Join(err, p.give(fd, old.owner))
		}
		if at.mode != old.mode {
			err = errors.Join(err, p.chmod(fd, old.mode))
		}
	}()
	if old.owner != wanted.owner {
		if narrow := old.mode & wanted.mode; narrow != old.mode {
			if err := p.chmod(fd, narrow); err != nil {
				return look{}, err
			}
			at.mode = narrow
		}
		if err := p.give(fd, wanted.owner); err != nil {
			return look{}, err
		}
		at.owner = wanted.owner
	}
	if at.mode != wanted.mode {
		if err := p.chmod(fd, wanted.mode); err != nil {
			return look{}, err
		}
		at.mode = wanted.mode
	}
	return old, nil
}
