package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// descriptorAttacks use what was left open, or passed.
func descriptorAttacks() []attack {
	const family = "descriptors"
	return []attack{
		{name: "leaked-directory", family: family, source: "CVE-2024-21626: runc left descriptors of the host open", try: leakedDirectory, control: asModule,
			hook: leakDirectory, policy: "open", want: "EBADF", layer: "close_range"},
		{name: "proc-self-fd-directory", family: family, source: "CVE-2024-21626: a way through /proc/self/fd/N", try: leakedByPath, control: asModule,
			hook: leakDirectory, policy: "open", want: "ENOENT", layer: "close_range"},
		{name: "working-directory-fd", family: family, source: "CVE-2024-21626: the working directory is /proc/self/fd/N", try: workingDirectory, control: asModule,
			hook: startInDirectory, policy: "cwd", want: "refused", layer: "launch: getcwd"},
		{name: "working-directory-link", family: family, source: "CVE-2024-21626: a link to it, in a directory that the module writes to", try: workingDirectory, control: asModule,
			hook: linkDirectory, policy: "cwdlink", want: "refused", layer: "launch: getcwd"},
		{name: "inherited-working-directory", family: family, source: "CVE-2024-21626; chdir(2)", try: workingDirectory, control: asModule,
			hook: startInDirectory, policy: "open", want: "ENOENT", layer: "pivot_root, chdir"},
		{name: "passed-dir-dotdot", family: family, source: "openat(2): .. through a directory that was passed", try: passedDotDot, control: asModule,
			hook: passDirectory, policy: "open", want: "EACCES", layer: "Landlock"},
		{name: "passed-dir-fchdir", family: family, source: "fchdir(2): chroot escape by a descriptor", try: passedFchdir, control: asModule,
			hook: passDirectory, policy: "open", want: "EACCES", layer: "Landlock"},
		{name: "passed-dir-create", family: family, source: "openat(2), O_CREAT in a directory that was passed", try: passedCreate, control: asModule,
			hook: passDirectory, policy: "open", want: "EACCES", layer: "Landlock"},
		{name: "passed-dir-truncate", family: family, source: "truncate(2) through /proc/self/fd; landlock(7), LANDLOCK_ACCESS_FS_TRUNCATE", try: passedTruncate,
			control: asModule, hook: passFile, policy: "open", want: "EACCES", layer: "Landlock", landlock: 3},
		{name: "passed-dir-rename", family: family, source: "renameat2(2), RENAME_NOREPLACE in a directory that was passed; landlock(7)", try: passedRename,
			control: asModule, hook: passFile, policy: "open", want: "EACCES", layer: "Landlock"},
		{name: "open_by_handle_at", family: family, source: "'shocker' (2014), CVE-2014-3519; open_by_handle_at(2)", try: shocker,
			policy: "open", want: "EPERM", layer: "capabilities", fact: unprivileged("CAP_DAC_READ_SEARCH")},
		{name: "open_by_handle_at-nginx", family: family, source: "'shocker' (2014)", try: shockerMount, hook: passDirectory,
			policy: "nginx", want: "EPERM", layer: "seccomp", fact: unprivileged("CAP_DAC_READ_SEARCH")},
		{name: "proc-self-exe", family: family, source: "CVE-2019-5736: a program is overwritten after it has ended", try: overwriteSelf,
			hook: ownCopy, policy: "open", want: "EROFS", layer: "mounts"},
		{name: "reopen-writable", family: family, source: "proc(5), /proc/PID/fd: a read-only descriptor is opened again for writing", try: reopenWritable, control: asModule,
			policy: "open", want: "EROFS", layer: "mounts"},
	}
}

const leakedFrom = 64 // above what the programs open themselves

// leakDirectory leaves a directory of the host open in what starts the victim.
func leakDirectory(s *stage, t *attempt) (judge, error) {
	dir, err := os.Open(s.path("hidden"))
	if err != nil {
		return nil, err
	}
	for range leakedFrom {
		t.cmd.ExtraFiles = append(t.cmd.ExtraFiles, dir)
	}
	t.props["leaked"] = strconv.Itoa(leakedFrom)
	return func(o outcome) outcome { _ = dir.Close(); return o }, nil
}

func leakedDirectory(g given) (string, error) {
	fd, err := unix.Openat(g.number("leaked"), "secret", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		err = unix.Close(fd)
	}
	return "", err
}

func leakedByPath(g given) (string, error) {
	return "", openAndClose("/proc/self/fd/"+g["leaked"]+"/../hidden/secret", unix.O_RDONLY)
}

// startInDirectory starts the victim, or the supervisor, in a directory that modules have not got, and leaves it open as descriptor 7.
func startInDirectory(s *stage, t *attempt) (judge, error) {
	dir, err := os.Open(s.path("hidden"))
	if err != nil {
		return nil, err
	}
	for range 5 {
		t.cmd.ExtraFiles = append(t.cmd.ExtraFiles, dir)
	}
	t.cmd.Dir = s.path("hidden")
	return func(o outcome) outcome {
		_ = dir.Close()
		if o.answer == "exit-125" && strings.Contains(o.detail, "working directory") {
			o.answer = "refused"
		}
		return o
	}, nil
}

// linkDirectory does so, with a link to that descriptor where the policy's working directory is.
func linkDirectory(s *stage, t *attempt) (judge, error) {
	link := s.path("write", "cwd")
	if err := os.Symlink("/proc/self/fd/7", link); err != nil {
		return nil, err
	}
	look, err := startInDirectory(s, t)
	if err != nil {
		return nil, errors.Join(err, os.Remove(link))
	}
	return func(o outcome) outcome { _ = os.Remove(link); return look(o) }, nil
}

func workingDirectory(given) (string, error) {
	return "", openAndClose("secret", unix.O_RDONLY)
}

// passDirectory makes a directory of the host the standard input: it is passed on purpose.
func passDirectory(s *stage, t *attempt) (judge, error) {
	dir, err := os.Open(s.path("hidden"))
	if err != nil {
		return nil, err
	}
	t.cmd.Stdin = dir
	return func(o outcome) outcome { _ = dir.Close(); return o }, nil
}

// passFile does so, with a file in it that anybody may write to.
func passFile(s *stage, t *attempt) (judge, error) {
	name := s.path("hidden", "open")
	if err := errors.Join(os.WriteFile(name, []byte("not empty"), 0o600), os.Chmod(name, 0o666)); err != nil {
		return nil, err
	}
	look, err := passDirectory(s, t)
	if err != nil {
		return nil, errors.Join(err, os.Remove(name))
	}
	return func(o outcome) outcome {
		for _, left := range []string{name, s.path("hidden", "moved")} { // by whichever name it goes now
			_ = os.Remove(left)
		}
		return look(o)
	}, nil
}

func passedTruncate(given) (string, error) { return "", unix.Truncate("/proc/self/fd/0/open", 0) }

func passedRename(given) (string, error) {
	return "", unix.Renameat2(0, "open", 0, "moved", unix.RENAME_NOREPLACE)
}

func passedDotDot(given) (string, error) {
	fd, err := unix.Openat(0, "../hidden/secret", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		err = unix.Close(fd)
	}
	return "", err
}

func passedFchdir(given) (string, error) {
	s, err := newScript()
	if err != nil {
		return "", err
	}
	s.add(unix.SYS_FCHDIR, 0)
	cwd := int32(unix.AT_FDCWD)
	s.add(unix.SYS_OPENAT, uintptr(cwd), s.text(strings.Repeat("../", 8)+"etc/passwd"), unix.O_RDONLY)
	at, err := s.run(0)
	return []string{"fchdir", "openat", ""}[max(at, 0)], err
}

func passedCreate(given) (string, error) {
	fd, err := unix.Openat(0, "created", unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return "", err
	}
	_ = unix.Close(fd)
	return "", unix.Unlinkat(0, "created", 0)
}

// shocker opens a file by its handle, which needs no name and no directory.
func shocker(g given) (string, error) {
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, g["read"]+"/file", 0)
	if err != nil {
		return "name_to_handle_at", err
	}
	mount, err := unix.Open(g["read"], unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "open", err
	}
	defer unix.Close(mount)
	fd, err := unix.OpenByHandleAt(mount, handle, unix.O_RDONLY)
	if err == nil {
		err = unix.Close(fd)
	}
	return "open_by_handle_at", err
}

// shockerMount does it with the mount of a descriptor that was passed.
func shockerMount(given) (string, error) {
	handle, _, err := unix.NameToHandleAt(0, "secret", 0)
	if err != nil {
		return "name_to_handle_at", err
	}
	fd, err := unix.OpenByHandleAt(0, handle, unix.O_RDONLY)
	if err == nil {
		err = unix.Close(fd)
	}
	return "open_by_handle_at", err
}

// ownCopy gives the attack a program of its own to overwrite: it is the one that runs.
func ownCopy(s *stage, t *attempt) (judge, error) {
	copied := s.path("read", fmt.Sprintf("program-%t", t.inside))
	if err := install(s.victim, copied); err != nil {
		return nil, err
	}
	if err := os.Chmod(copied, 0o777); err != nil {
		return nil, err
	}
	t.props["program"] = copied
	return func(o outcome) outcome { _ = os.Remove(copied); return o }, nil
}

// overwriteSelf keeps a descriptor of a program, and has another one open it for writing when nobody executes it any more.
func overwriteSelf(g given) (string, error) {
	fd, err := unix.Open(g["program"], unix.O_RDONLY, 0)
	if err != nil {
		return "open", err
	}
	a, err := newArena(1 << 16)
	if err != nil {
		return "", err
	}
	argv := a.words(a.text("escape"), a.text("overwrite"), a.text(strconv.Itoa(fd)), 0)
	_, err = direct(unix.SYS_EXECVE, a.text(g["victim"]), argv, a.words(0))
	return "execve", err
}

// overwriteExe is what comes after that exec.
func overwriteExe(args []string) int {
	fd, err := unix.Open("/proc/self/fd/"+args[0], unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		_, err = unix.Write(fd, []byte{0x7f}) // as it was
	}
	say("overwrite", err)
	return 0
}

func reopenWritable(g given) (string, error) {
	fd, err := unix.Open(g["read"]+"/file", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "open", err
	}
	defer unix.Close(fd)
	return "again", openAndClose(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_WRONLY)
}
