package policy

import (
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxErrno is the highest error number that a filter can return: seccomp(2) and the kernel's MAX_ERRNO.
const maxErrno = 4095

// action reads what happens with a call that is not allowed, such as "errno EPERM".
func (d *decoder) action(n *node, key string, preset Action) Value[Action] {
	bad := Value[Action]{V: preset}
	s, ok := d.text(n, "an action such as errno EPERM")
	if !ok {
		return bad
	}
	word, argument, _ := strings.Cut(strings.TrimSpace(s), " ")
	argument = strings.TrimSpace(argument)
	if word == "errno" {
		errno, ok := d.errno(n, argument)
		if !ok {
			return bad
		}
		return Value[Action]{Action{ActionErrno, errno}, n.pos}
	}
	if argument != "" && isAction(word) {
		d.report(codeMalformed, n.span, "%s takes no argument", word)
		return bad
	}
	switch word {
	case "kill_process":
		return Value[Action]{Action{Kind: ActionKillProcess}, n.pos}
	case "kill_thread":
		return Value[Action]{Action{Kind: ActionKillThread}, n.pos}
	case "trap":
		return Value[Action]{Action{Kind: ActionTrap}, n.pos}
	case "log":
		d.report(codeLogDenies, n.span, "log lets the call happen: nothing is denied by %q", key).
			help("it is for learning what a program does; write errno EPERM to deny")
		return Value[Action]{Action{Kind: ActionLog}, n.pos}
	case "allow":
		d.report(codeAction, n.span, "allow as %q: a filter that allows everything restricts nothing", key).
			help("write errno EPERM and list what is allowed")
	case "user_notif":
		d.report(codeAction, n.span, "user_notif is not accepted until denial reports exist").help("write errno EPERM")
	case "trace":
		d.report(codeNotYet, n.span, "the action trace is not in this version of supervisor").help("write errno EPERM")
	default:
		if meant := meantAction(word); meant != "" {
			d.report(codeChoice, n.span, "unknown action %q", word).hint(didYouMean(meant))
			break
		}
		d.report(codeChoice, n.span, "unknown action %q", word).
			suggest(word, []string{"errno", "kill_process", "kill_thread", "trap", "log"})
	}
	return bad
}

func isAction(word string) bool {
	switch word {
	case "kill_process", "kill_thread", "trap", "log", "allow", "user_notif", "trace":
		return true
	}
	return false
}

// errno reads the error of an errno action, as a name or a number.
func (d *decoder) errno(n *node, s string) (uint16, bool) {
	if s == "" {
		d.report(codeMalformed, n.span, "errno without an error").hint(`did you mean "errno EPERM"?`)
		return 0, false
	}
	at := d.src.within(n.span, s)
	if digits(s) {
		v, err := strconv.ParseUint(s, 10, 16)
		if err != nil || v == 0 || v > maxErrno {
			d.report(codeRange, at, "error number %s is not from 1 to %d", s, maxErrno)
			return 0, false
		}
		return uint16(v), true
	}
	number := errnoNumber(s)
	if number == 0 {
		d.report(codeUnknownErrno, at, "unknown error %q", s).hint(didYouMean(nearestErrno(s)))
		return 0, false
	}
	return number, true
}

// errnoNumber returns the number of an error's name, 0 when there is none of that name.
func errnoNumber(name string) uint16 {
	switch name { // second names of one number, and the gaps in the table
	case "":
		return 0
	case "EWOULDBLOCK":
		return uint16(unix.EWOULDBLOCK)
	case "EDEADLOCK":
		return uint16(unix.EDEADLOCK)
	case "ENOTSUP":
		return uint16(unix.ENOTSUP)
	}
	for i := uint16(1); i <= uint16(unix.EHWPOISON); i++ {
		if unix.ErrnoName(syscall.Errno(i)) == name {
			return i
		}
	}
	return 0
}

func nearestErrno(s string) string {
	upper := strings.ToUpper(s)
	if errnoNumber(upper) != 0 {
		return upper
	}
	return nearest(upper, func(yield func(string) bool) {
		for i := 1; i <= int(unix.EHWPOISON); i++ {
			if name := unix.ErrnoName(syscall.Errno(i)); name != "" && !yield(name) {
				return
			}
		}
	})
}
