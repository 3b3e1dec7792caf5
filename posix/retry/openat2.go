package retry

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// RaceLimit is how often [Core.Openat2] is repeated because the path changed while it was followed. Then EAGAIN is returned: whoever
// renames directories without end must not be able to keep us here.
const RaceLimit = 32

// Openat2 implements [posix.Files]. It is repeated after EINTR unless it was to make a file of its own (O_EXCL), and up to
// [RaceLimit] times after EAGAIN that is about a race: RESOLVE_BENEATH or RESOLVE_IN_ROOT, and neither RESOLVE_CACHED nor
// O_NONBLOCK, which have an EAGAIN of their own that would come again. Source: openat2(2), ERRORS.
func (d *Core) Openat2(dir posix.FD, path string, how posix.OpenHow) (posix.FD, error) {
	for interruptions, races := 0, 0; ; {
		fd, err := d.next.Openat2(dir, path, how)
		switch {
		case err == error(unix.EINTR):
			interruptions++
		case err == error(unix.EAGAIN):
			races++
		}
		if err == nil || fd >= 0 || interruptions > Limit || races > RaceLimit || !d.RepeatOpenat2(how, err) {
			return fd, err
		}
	}
}

// RepeatOpenat2 is [Core.Repeat] for Openat2, of which how says whether it may be repeated.
func (d *Core) RepeatOpenat2(how posix.OpenHow, err error) bool {
	if err == error(unix.EAGAIN) && raced(how) {
		d.repeated[posix.OpOpenat2].Add(1)
		return true
	}
	return how.Flags&unix.O_EXCL == 0 && d.Repeat(posix.OpOpenat2, err)
}

// resolveCached is RESOLVE_CACHED, which x/sys does not have. Source: include/uapi/linux/openat2.h.
const resolveCached = 0x20

func raced(how posix.OpenHow) bool {
	const scoped = unix.RESOLVE_BENEATH | unix.RESOLVE_IN_ROOT
	return how.Resolve&scoped != 0 && how.Resolve&resolveCached == 0 && how.Flags&unix.O_NONBLOCK == 0
}
