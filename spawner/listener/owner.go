package listener

import (
	"fmt"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// owner is the user and group that a unix socket shall belong to; all ones leaves what it is.
type owner struct {
	uid posix.UID
	gid posix.GID
}

var nobody = owner{^posix.UID(0), ^posix.GID(0)}

func (o owner) set() bool { return o != nobody }

// ownerOf looks up whom l names. Numbers need not exist.
func ownerOf(l policy.Listener) (owner, error) {
	o := nobody
	if name := l.User.V; name != "" {
		id, err := idOf(name, func() (string, error) {
			u, err := user.Lookup(name)
			if err != nil {
				return "", err
			}
			return u.Uid, nil
		})
		if err != nil {
			return nobody, fmt.Errorf("find its user %s: %w", name, err)
		}
		o.uid = posix.UID(id)
	}
	if name := l.Group.V; name != "" {
		id, err := idOf(name, func() (string, error) {
			g, err := user.LookupGroup(name)
			if err != nil {
				return "", err
			}
			return g.Gid, nil
		})
		if err != nil {
			return nobody, fmt.Errorf("find its group %s: %w", name, err)
		}
		o.gid = posix.GID(id)
	}
	return o, nil
}

// idOf returns the number that name is, or that the lookup finds.
func idOf(name string, lookup func() (string, error)) (uint32, error) {
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(n), nil
	}
	id, err := lookup()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(id, 10, 32)
	return uint32(n), err
}

// advise says why the socket cannot be given away.
func (o owner) advise(err error) error {
	to := ""
	if o.uid != nobody.uid {
		to = fmt.Sprintf("user %d", o.uid)
	}
	if o.gid != nobody.gid {
		if to != "" {
			to += " and "
		}
		to += fmt.Sprintf("group %d", o.gid)
	}
	answer := posix.Answer(err)
	err = fmt.Errorf("give it to %s: %w", to, answer)
	switch answer {
	case posix.Errno(unix.EPERM):
		return fmt.Errorf("%w; without root a socket belongs to the supervisor's user, and its group is one that this user is in", err)
	case posix.Errno(unix.EINVAL):
		return fmt.Errorf("%w; this user namespace does not know it: leave user and group out, or run the supervisor as root", err)
	}
	return err
}
