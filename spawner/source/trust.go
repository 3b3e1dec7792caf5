package source

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
)

// Trust says whose files may be used. The zero value trusts nobody, so that nothing can be opened with it.
type Trust struct {
	// Owners are the users that files, directories and symbolic links may belong to.
	//
	// Never put the overflow user (65534) here: in a user namespace it stands for everybody who is not mapped.
	Owners []posix.UID

	anyone bool

	// See Knowing.
	inside   bool
	overflow posix.UID
	known    map[Identity]bool
	// passed takes what keeps to the rule; nil when nobody wants to know.
	passed map[Identity]bool
	// way is where the walk is.
	way *walker
}

// Anyone is for policies that are only looked at (`policy check`): who may write them does not matter.
var Anyone = Trust{anyone: true}

// Trusted is for policies that are carried out: owned by root or by the effective user.
func Trusted(f host.Facts) Trust {
	owners := []posix.UID{0, f.EUID}
	// A namespace may map somebody to the overflow user's number; everybody who is not mapped looks the same.
	if !f.UserNS.Initial {
		owners = slices.DeleteFunc(owners, func(u posix.UID) bool { return u == f.OverflowUID })
	}
	slices.Sort(owners)
	return Trust{Owners: slices.Compact(owners)}
}

// check holds something on the way, or at its end, to the rule. euid only shapes the advice.
func (t Trust) check(path string, st *posix.Stat, euid posix.UID) error {
	if t.anyone {
		return nil
	}
	if err := t.rule(path, st, euid); err != nil {
		return err
	}
	t.pass(st)
	return nil
}

func (t Trust) rule(path string, st *posix.Stat, euid posix.UID) error {
	if t.unmappedOwner(st) {
		if err := t.recognize(path, st); err != nil {
			return err
		}
	} else if !slices.Contains(t.Owners, st.UID) {
		return &RefusedError{Path: path, Rule: RuleOwner, Why: "belongs to " + t.stranger(st.UID), Fix: ownerFix(path, st, euid)}
	}
	kind := st.Mode & unix.S_IFMT
	if kind == unix.S_IFLNK || kind == unix.S_IFDIR && st.Mode&unix.S_ISVTX != 0 {
		return nil // a link cannot be written to; in a sticky directory the owner of the entry counts
	}
	var who, letters string
	rule := RuleOthersWrite
	switch st.Mode & 0o022 {
	case 0:
		return nil
	case 0o020:
		who, letters, rule = fmt.Sprintf("its group (%d)", st.GID), "g", RuleGroupWrite
	case 0o002:
		who, letters = "anybody", "o"
	default:
		who, letters = "anybody", "go"
	}
	what := "it"
	if kind == unix.S_IFDIR {
		what = "what is in it"
	}
	return &RefusedError{
		Path: path, Rule: rule,
		Why: fmt.Sprintf("can be written by %s (mode %04o), who could change %s and so what is run", who, st.Mode&0o7777, what),
		Fix: fmt.Sprintf("chmod %s-w %s", letters, quoted(path)),
	}
}

// stranger names an owner and who would have been right.
func (t Trust) stranger(uid posix.UID) string {
	if len(t.Owners) == 0 {
		return fmt.Sprintf("user %d, and no owner is trusted", uid)
	}
	names := make([]string, len(t.Owners))
	for i, u := range t.Owners {
		names[i] = fmt.Sprintf("user %d", u)
		if u == 0 {
			names[i] = "root"
		}
	}
	return fmt.Sprintf("user %d; a policy that is run, and all directories above it, must belong to %s", uid, strings.Join(names, " or "))
}

// unmapped is the owner that a user namespace shows for users it does not know, unless /proc/sys/kernel/overflowuid was changed.
const unmapped = 65534

func ownerFix(path string, st *posix.Stat, euid posix.UID) string {
	switch {
	case st.UID == unmapped && euid != unmapped:
		return "in a user namespace this number stands for everybody who is not mapped, so who it is cannot be told; " +
			"start the supervisor outside of it, or map the owner"
	case euid == 0 && st.Mode&unix.S_IFMT == unix.S_IFLNK:
		return "chown -h root " + quoted(path) + ", or name the file itself"
	case euid == 0:
		return "chown root " + quoted(path) + " once you have read it, or copy the policy to /etc"
	}
	return "copy the policy to a directory of your own"
}
