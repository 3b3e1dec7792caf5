package listener

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// aside is a socket on which nobody listens, under another name while its place is reserved. The zero value is none.
type aside struct {
	name     string
	dev, ino uint64
}

// setAside moves what is at the place to another name in its directory.
func (p place) setAside(st posix.Stat) (aside, error) {
	a := aside{fmt.Sprintf(".bulkhead-%d", st.Ino), st.Dev, st.Ino} // nothing else in this file system has the number
	if err := p.rename(p.name, a.name); err != nil {
		return aside{}, advise(p.id, "put the socket that nobody listens on aside", err)
	}
	return a, nil
}

// restore moves what was put aside back, unless something else stands there by now.
func (p place) restore(a aside) error {
	if a.name == "" {
		return nil
	}
	err := p.rename(a.name, p.name)
	switch {
	case errors.Is(err, posix.Errno(unix.ENOENT)):
		return nil
	case errors.Is(err, posix.Errno(unix.EEXIST)):
		p.name = a.name
		return p.remove(a.dev, a.ino)
	case err != nil:
		return advise(p.id, "put the old socket back", err)
	}
	return nil
}

// rename never replaces anything, on file systems that can promise that.
func (p place) rename(from, to string) error {
	r := posix.Rename{OldDir: p.dir, OldPath: from, NewDir: p.dir, NewPath: to, Flags: unix.RENAME_NOREPLACE}
	err := p.kernel.Renameat2(r)
	if errors.Is(err, posix.Errno(unix.EINVAL)) {
		r.Flags = 0
		err = p.kernel.Renameat2(r)
	}
	return err
}

// drop removes what was put aside: its place has a socket that listens now.
func (a *aside) drop(k Kernel, id Identity) (err error) {
	if a.name == "" {
		return nil
	}
	p, err := placeOf(k, id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.Close(p.dir)) }()
	p.name = a.name
	if err := p.remove(a.dev, a.ino); err != nil {
		return err
	}
	*a = aside{}
	return nil
}
