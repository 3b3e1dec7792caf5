package main

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// neighbourAttacks signal what has the same user, and use what System V IPC, message queues and keyrings share.
func neighbourAttacks() []attack {
	const family = "neighbours"
	scope := func(a attack) attack {
		a.name += "-landlock"
		a.policy, a.want, a.layer, a.landlock = "hostpid", "EPERM", "Landlock: scope", 6
		return a
	}
	kill := attack{name: "kill", family: family, source: "kill(2): the same user is permission enough", try: killNeighbour, control: asModule,
		policy: "open", want: "ESRCH", layer: "pid namespace"}
	pidfd := attack{name: "pidfd_send_signal", family: family, source: "pidfd_send_signal(2)", try: pidfdKill, control: asModule,
		policy: "open", want: "ESRCH", layer: "pid namespace"}
	all := attack{name: "kill-all", family: family, source: "kill(2), -1 is everybody", try: killAll, control: asModule,
		policy: "open", want: "ESRCH", layer: "pid namespace"}
	return []attack{
		kill, scope(kill), pidfd, scope(pidfd), all,
		{name: "sysv-shm", family: family, source: "shmat(2): a segment is named by a number", try: attachShm, control: asModule,
			policy: "open", want: "EINVAL", layer: "ipc namespace"},
		{name: "message-queue", family: family, source: "mq_overview(7)", try: openQueue, control: asModule, hook: makeQueue,
			policy: "open", want: "ENOENT", layer: "ipc namespace"},
		{name: "keyring-session", family: family, source: "session-keyring(7): children inherit it", try: searchKey,
			hook: plantKey, control: asModule, policy: "open", want: "ENOKEY", layer: "session keyring"},
		{name: "keyring-add", family: family, source: "CVE-2016-0728; add_key(2)", try: addKey, control: asModule,
			policy: "examples/locked", want: "EPERM", layer: "seccomp", opens: "open"},
		{name: "move_pages", family: family, source: "move_pages(2), CVE-2017-14140: where another process has its memory", try: movePages, control: asModule,
			policy: "open", want: "ESRCH", layer: "pid namespace"},
	}
}

func killNeighbour(g given) (string, error) { return "", unix.Kill(g.number("pid"), unix.SIGCONT) }

func pidfdKill(g given) (string, error) {
	fd, err := unix.PidfdOpen(g.number("pid"), 0)
	if err != nil {
		return "pidfd_open", err
	}
	defer unix.Close(fd)
	return "pidfd_send_signal", unix.PidfdSendSignal(fd, unix.SIGCONT, nil, 0)
}

// killAll asks whether there is anybody to be signalled.
func killAll(given) (string, error) { return "", unix.Kill(-1, 0) }

func attachShm(g given) (string, error) {
	p, err := direct(unix.SYS_SHMAT, uintptr(g.number("shm")), 0, unix.SHM_RDONLY)
	if err != nil {
		return "shmat", err
	}
	_, err = direct(unix.SYS_SHMDT, p)
	return "shmdt", err
}

const queue = "bulkhead-escape"

// makeQueue makes a message queue of the host.
func makeQueue(s *stage, t *attempt) (judge, error) {
	a, err := newArena(4096)
	if err != nil {
		return nil, err
	}
	name := queue + "-" + s.props["pid"]
	fd, err := direct(unix.SYS_MQ_OPEN, a.text(name), unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o666, a.words(0, 1, 8, 0))
	if err != nil {
		return nil, err
	}
	_ = unix.Fchmod(int(fd), 0o666)
	t.props["queue"] = name
	return func(o outcome) outcome {
		_ = unix.Close(int(fd))
		_, _ = direct(unix.SYS_MQ_UNLINK, a.text(name))
		return o
	}, nil
}

func openQueue(g given) (string, error) {
	a, err := newArena(4096)
	if err != nil {
		return "", err
	}
	fd, err := direct(unix.SYS_MQ_OPEN, a.text(g["queue"]), unix.O_RDWR|unix.O_CLOEXEC)
	if err != nil {
		return "mq_open", err
	}
	return "", unix.Close(int(fd))
}

// plantKey puts a key into a session keyring that what this thread starts inherits.
func plantKey(s *stage, t *attempt) (judge, error) {
	if _, err := unix.KeyctlJoinSessionKeyring("bulkhead-escape"); err != nil {
		return nil, err
	}
	id, err := unix.AddKey("user", "bulkhead-escape", []byte("secret"), unix.KEY_SPEC_SESSION_KEYRING)
	if err != nil {
		return nil, err
	}
	t.props["key"] = strconv.Itoa(id)
	return func(o outcome) outcome {
		_, err := unix.KeyctlInt(unix.KEYCTL_REVOKE, id, 0, 0, 0)
		if _, e := unix.KeyctlJoinSessionKeyring("bulkhead-escape-over"); errors.Join(err, e) != nil {
			o.detail += "; the key stays"
		}
		return o
	}, nil
}

// searchKey looks for a key in the session's keyring, and reads it.
func searchKey(given) (string, error) {
	id, err := unix.KeyctlSearch(unix.KEY_SPEC_SESSION_KEYRING, "user", "bulkhead-escape", 0)
	if err != nil {
		return "search", err
	}
	_, err = unix.KeyctlBuffer(unix.KEYCTL_READ, id, make([]byte, 16), 0)
	return "read", err
}

// addKey adds one to the keyring of this thread, which ends.
func addKey(given) (string, error) {
	_, err := unix.AddKey("user", "bulkhead-escape-own", []byte("x"), unix.KEY_SPEC_THREAD_KEYRING)
	return "add_key", err
}

func movePages(g given) (string, error) {
	_, err := direct(unix.SYS_MOVE_PAGES, uintptr(g.number("pid")), 0, 0, 0, 0, 0)
	return "", err
}
