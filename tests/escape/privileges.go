package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// privilegeAttacks ask for privileges, or for programs that have some.
func privilegeAttacks() []attack {
	const family = "privileges"
	mapped := "EINVAL" // only the module's own user is in its user namespace
	return []attack{
		{name: "setuid-program", family: family, source: "execve(2): set-user-ID", try: runPrivileged, control: asModule, hook: setuidProgram,
			policy: "setuid", want: "EPERM", layer: "no_new_privs, nosuid", rootOnly: "only root can make a program that is another user's: chown(2)"},
		{name: "capable-program", family: family, source: "capabilities(7): file capabilities", try: runPrivileged, control: asModule, hook: capableProgram,
			policy: "setuid", want: "EPERM", layer: "no_new_privs, nosuid", rootOnly: "only root can give a file capabilities: setcap(8), CAP_SETFCAP"},
		{name: "setuid-0", family: family, source: "setuid(2)", try: setuidRoot, control: apart, policy: "open", want: "EPERM", user: mapped, layer: "capabilities"},
		{name: "setgid-0", family: family, source: "setgid(2)", try: setgidRoot, control: apart, policy: "open", want: "EPERM", user: mapped, layer: "capabilities"},
		{name: "setgroups", family: family, source: "setgroups(2); CVE-2014-8989", try: setGroups, policy: "open", want: "EPERM", layer: "capabilities",
			fact: unprivileged("CAP_SETGID")},
		{name: "capset", family: family, source: "capset(2)", try: capset, control: apart, policy: "open", want: "EPERM", layer: "capabilities"},
		{name: "ambient", family: family, source: "capabilities(7), PR_CAP_AMBIENT_RAISE", try: raiseAmbient, control: apart, policy: "open", want: "EPERM",
			layer: "capabilities"},
		{name: "securebits", family: family, source: "capabilities(7), SECBIT_NOROOT_LOCKED", try: resetSecurebits, control: apart, policy: "powers", want: "EPERM",
			layer: "securebits"},
		{name: "sched-fifo", family: family, source: "sched(7): a thread that never gives way", try: realTime, policy: "open", want: "EPERM", layer: "capabilities",
			fact: unprivileged("CAP_SYS_NICE")},
	}
}

// runPrivileged starts a program with a privilege, which then reads what only root may.
func runPrivileged(g given) (string, error) {
	a, err := newArena(1 << 16)
	if err != nil {
		return "", err
	}
	_, err = direct(unix.SYS_EXECVE, a.text(g["program"]), a.words(a.text("escape"), a.text("privilege"), 0), a.words(0))
	return "execve", err
}

// havePrivilege is that program: it becomes root, by its set-user-ID bit or by the capability that its file has.
func havePrivilege([]string) int {
	_, err := direct(unix.SYS_SETUID, 0)
	say("setuid", err)
	return 0
}

// setuidProgram makes a copy of this program that runs as root, in a directory only for that.
func setuidProgram(s *stage, t *attempt) (judge, error) {
	return privileged(s, t, func(path string) error { return os.Chmod(path, 0o755|os.ModeSetuid) })
}

func capableProgram(s *stage, t *attempt) (judge, error) {
	return privileged(s, t, func(path string) error {
		// struct vfs_cap_data, version 2, effective: CAP_SETUID permitted.
		data := make([]byte, 20)
		data[0], data[3], data[4] = 1, 2, 1<<unix.CAP_SETUID
		return unix.Setxattr(path, "security.capability", data, 0)
	})
}

func privileged(s *stage, t *attempt, mark func(string) error) (judge, error) {
	path := s.path("read", "privileged")
	if err := install(s.victim, path); err != nil {
		return nil, err
	}
	if err := mark(path); err != nil {
		return nil, err
	}
	t.props["program"] = path
	return func(o outcome) outcome { _ = os.Remove(path); return o }, nil
}

func setuidRoot(given) (string, error) { _, err := direct(unix.SYS_SETUID, 0); return "", err }
func setgidRoot(given) (string, error) { _, err := direct(unix.SYS_SETGID, 0); return "", err }

func setGroups(given) (string, error) {
	a, err := newArena(4096)
	if err != nil {
		return "", err
	}
	_, err = direct(unix.SYS_SETGROUPS, 1, a.words(0))
	return "", err
}

// capset asks for CAP_SYS_ADMIN, permitted and effective.
func capset(given) (string, error) {
	a, err := newArena(4096)
	if err != nil {
		return "", err
	}
	const bit = 1 << unix.CAP_SYS_ADMIN
	_, err = direct(unix.SYS_CAPSET, a.words(unix.LINUX_CAPABILITY_VERSION_3), a.words(bit|bit<<32, 0, 0))
	return "", err
}

// raiseAmbient makes a capability one that survives every exec. Outside it makes it inheritable first, which takes having it.
func raiseAmbient(given) (string, error) {
	a, err := newArena(4096)
	if err != nil {
		return "", err
	}
	const bit = 1 << unix.CAP_SYS_ADMIN
	_, _ = direct(unix.SYS_CAPSET, a.words(unix.LINUX_CAPABILITY_VERSION_3), a.words(bit|bit<<32, bit, 0))
	_, err = direct(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, unix.CAP_SYS_ADMIN, 0, 0)
	return "prctl", err
}

// resetSecurebits makes user 0 mean something again.
func resetSecurebits(given) (string, error) {
	_, err := direct(unix.SYS_PRCTL, unix.PR_SET_SECUREBITS, 0)
	return "prctl", err
}

func realTime(given) (string, error) {
	a, err := newArena(4096)
	if err != nil {
		return "", err
	}
	_, err = direct(unix.SYS_SCHED_SETSCHEDULER, 0, 1, a.words(1)) // SCHED_FIFO, for this thread, which ends
	return "sched_setscheduler", err
}
