package source

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
)

// Identity tells a directory, file or symbolic link from all others that there are on the host at the same time.
type Identity struct {
	Dev uint64 `json:"dev"`
	Ino uint64 `json:"ino"`
}

// Knowing returns the rule for reading policies again inside of a user namespace: what belongs to somebody who is not mapped there is trusted
// when it is one of ids, which are those that [OpenRecorded] returned before the namespace was entered. That goes for directories and symbolic
// links, which must still be closed to others; a file must belong to somebody who is trusted. In the initial user namespace, where every owner
// can be told, the rule stays as it is.
//
// An identity is used again for something new once it is free. So it counts only in a directory that nobody else may write to:
// there only its trusted owner can put something new in its place.
func (t Trust) Knowing(f host.Facts, ids []Identity) Trust {
	if f.UserNS.Initial {
		return t
	}
	t.inside, t.overflow, t.known = true, f.OverflowUID, make(map[Identity]bool, len(ids))
	for _, id := range ids {
		t.known[id] = true
	}
	return t
}

// OpenRecorded is [Open], and also returns the identities of what is on the way to the files and of the files: all that was found to be trusted.
func OpenRecorded(k Kernel, path string, trust Trust) ([]File, []Identity, error) {
	trust.passed = map[Identity]bool{}
	files, err := Open(k, path, trust)
	if err != nil {
		return nil, nil, err
	}
	return files, slices.SortedFunc(maps.Keys(trust.passed), Identity.compare), nil
}

func (i Identity) compare(other Identity) int {
	return cmp.Or(cmp.Compare(i.Dev, other.Dev), cmp.Compare(i.Ino, other.Ino))
}

// pass notes what keeps to the rule.
func (t Trust) pass(st *posix.Stat) {
	if t.passed != nil {
		t.passed[Identity{st.Dev, st.Ino}] = true
	}
}

// unmappedOwner tells whether something belongs to somebody who cannot be told from others in here.
func (t Trust) unmappedOwner(st *posix.Stat) bool { return t.inside && st.UID == t.overflow }

// recognize holds something with such an owner to the rule that Knowing describes.
func (t Trust) recognize(path string, st *posix.Stat) error {
	refuse := func(why, fix string) error {
		return &RefusedError{Path: path, Rule: RuleOwner, Why: why, Fix: fix}
	}
	var parent *posix.Stat
	if w := t.way; w != nil && len(w.dirs) > 0 {
		parent = &w.here().stat
	}
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFREG:
		return refuse("belongs to somebody who is not mapped in the user namespace that the supervisor has entered, so whether that is root cannot be told any more",
			"make it a file of the supervisor's own user, or start the supervisor again")
	case !t.known[Identity{st.Dev, st.Ino}]:
		return refuse("was not on the way to the policies when the supervisor was started, and whose it is cannot be told from inside of its user namespace",
			"start the supervisor again")
	case parent != nil && parent.Mode&0o022 != 0:
		return refuse(fmt.Sprintf("is in a directory that others may write to (mode %04o), and whether it is still the one that it was when the supervisor was started "+
			"cannot be told from inside of its user namespace", parent.Mode&0o7777),
			"start the supervisor again, or keep the policies in a directory of your own")
	}
	return nil
}
