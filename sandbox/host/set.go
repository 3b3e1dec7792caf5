package host

import (
	"slices"
	"strings"
)

// ActionSet is a set of seccomp filter return actions that the kernel knows.
type ActionSet uint8

// The actions that a policy can name, and user_notif. Source: seccomp(2).
const (
	KillProcess ActionSet = 1 << iota
	KillThread
	Trap
	Errno
	UserNotif
	Trace
	Log
	Allow
)

var actionNames = [...]string{"kill_process", "kill_thread", "trap", "errno", "user_notif", "trace", "log", "allow"}

// String returns the names of the set's actions, such as "{errno, allow}".
func (s ActionSet) String() string { return setString(uint(s), actionNames[:]) }

var controllerNames = [...]string{"memory", "pids", "cpu", "freezer", "cpuset", "io"}

// String returns the names of the set's controllers, such as "{memory, pids}".
func (s ControllerSet) String() string { return setString(uint(s), controllerNames[:]) }

// Names returns the names of the set's controllers, as the kernel has them.
func (s ControllerSet) Names() []string { return setNames(uint(s), controllerNames[:]) }

// blkio is the controller of disks on version 1.
const blkio = "blkio"

// Name returns the name of one controller on a version of control groups.
func (s ControllerSet) Name(version int) string {
	if s == IO && version == 1 {
		return blkio
	}
	return s.Names()[0]
}

// ParseControllers returns the controllers in a list of names with spaces between them; names that do not matter here are left out.
func ParseControllers(text string) ControllerSet {
	var set ControllerSet
	for name := range strings.FieldsSeq(text) {
		if name == blkio {
			name = IO.Name(2)
		}
		if i := slices.Index(controllerNames[:], name); i >= 0 {
			set |= 1 << i
		}
	}
	return set
}

func setString(bits uint, names []string) string {
	if bits == 0 {
		return "∅"
	}
	return "{" + strings.Join(setNames(bits, names), ", ") + "}"
}

func setNames(bits uint, names []string) []string {
	var out []string
	for i, name := range names {
		if bits>>i&1 == 1 {
			out = append(out, name)
		}
	}
	return out
}
