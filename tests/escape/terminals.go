package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// terminalAttacks type for somebody else. The supervisor is started in a terminal of ours, which the victim inherits as its standard error.
func terminalAttacks() []attack {
	const family = "terminals"
	return []attack{
		{name: "tiocsti", family: family, source: "CVE-2017-5226 (bubblewrap); ioctl_tty(2), TIOCSTI", try: typeAhead, hook: inTerminal, control: asModule,
			policy: "open", want: "EPERM", layer: "session", fact: setting("/proc/sys/dev/tty/legacy_tiocsti")},
		{name: "tiocsti-nginx", family: family, source: "CVE-2017-5226", try: typeAhead, hook: inTerminal, control: asModule,
			policy: "nginx", want: "EPERM", layer: "session", fact: setting("/proc/sys/dev/tty/legacy_tiocsti")},
		{name: "tioclinux", family: family, source: "CVE-2023-28100 (Flatpak); ioctl_console(2), TIOCLINUX", try: console, hook: onConsole,
			policy: "open", want: "EPERM", layer: "session", rootOnly: "only root can open a virtual console: /dev/tty1 has mode 0600"},
		{name: "steal-terminal", family: family, source: "ioctl_tty(2), TIOCSCTTY with an argument of 1", try: stealTerminal, hook: inTerminal,
			policy: "open", want: "EPERM", layer: "session", fact: unprivileged("CAP_SYS_ADMIN in the first user namespace")},
		{name: "tty-of-host", family: family, source: "tty(4): /dev/tty is whatever terminal a session has", try: openTTY, hook: inTerminal, control: asModule,
			policy: "open", want: "ENOENT", layer: "mounts"},
	}
}

// inTerminal starts a session in a new terminal for the victim, or for the supervisor.
func inTerminal(s *stage, t *attempt) (judge, error) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		return nil, errors.Join(err, master.Close())
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, errors.Join(err, master.Close())
	}
	t.cmd.Stderr = slave
	attr := attributes(t.cmd)
	attr.Setsid, attr.Setctty, attr.Ctty = true, true, 2
	return func(o outcome) outcome {
		_ = slave.Close()
		_ = master.Close()
		return o
	}, nil
}

// onConsole gives the victim a virtual console.
func onConsole(s *stage, t *attempt) (judge, error) {
	tty, err := os.OpenFile("/dev/tty1", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	t.cmd.Stderr = tty
	return func(o outcome) outcome { _ = tty.Close(); return o }, nil
}

// typeAhead types one character.
func typeAhead(given) (string, error) {
	a, err := newArena(4096)
	if err != nil {
		return "", err
	}
	_, err = direct(unix.SYS_IOCTL, 2, unix.TIOCSTI, a.text("x"))
	return "ioctl", err
}

// console asks which console is in front, which is what TIOCLINUX can that is harmless.
func console(given) (string, error) {
	a, err := newArena(4096)
	if err != nil {
		return "", err
	}
	const getForeground = 12 // TIOCL_GETFGCONSOLE
	_, err = direct(unix.SYS_IOCTL, 2, unix.TIOCLINUX, a.bytes([]byte{getForeground}))
	return "ioctl", err
}

// stealTerminal makes somebody else's terminal its own, in a session of its own.
func stealTerminal(given) (string, error) {
	s, err := newScript()
	if err != nil {
		return "", err
	}
	s.add(unix.SYS_SETSID)
	s.add(unix.SYS_IOCTL, 2, unix.TIOCSCTTY, 1)
	at, err := s.run(0)
	return []string{"setsid", "ioctl", ""}[max(at, 0)], err
}

func openTTY(given) (string, error) { return "", openAndClose("/dev/tty", unix.O_RDWR) }
