package main

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// maskAttacks look into what of /proc tells about the host's kernel. What only root could open is tried with capabilities that no module should have:
// then a masked file opens, and has nothing in it.
func maskAttacks() []attack {
	const family = "proc"
	var list []attack
	for _, name := range []string{"keys", "key-users", "kallsyms", "interrupts", "iomem", "ioports"} {
		list = append(list, attack{name: "masked-" + name, family: family, source: "proc(5), /proc/" + name, try: readSome("/proc/" + name), control: asModule,
			policy: "procall", opens: "procunmasked", want: "EACCES", layer: "mounts: masked", fact: absent("/proc/" + name)})
	}
	list[0].fact = func() string { // it is a control made by another user
		if why := absent("/proc/keys")(); why != "" {
			return why
		}
		return "/proc/keys shows its reader only the keys that it may see, and has none of them: proc(5)"
	}
	for _, name := range []string{"acpi", "asound", "scsi"} {
		list = append(list, attack{name: "masked-" + name, family: family, source: "proc(5), /proc/" + name + ": devices", try: listSome("/proc/" + name), control: asModule,
			policy: "procall", opens: "procunmasked", want: "EACCES", layer: "mounts: masked", fact: absent("/proc/" + name)})
	}
	for _, name := range []string{"kmsg", "slabinfo", "timer_list", "vmallocinfo", "pagetypeinfo"} {
		list = append(list, attack{name: "masked-" + name, family: family, source: "proc(5), /proc/" + name, try: readSome("/proc/" + name),
			policy: "procroot", opens: "procrootunmasked", want: "ENODATA", layer: "mounts: masked", rootOnly: "the files are root's, and it is not",
			fact: absent("/proc/" + name)})
	}
	return append(list,
		attack{name: "masked-copy", family: family, source: "open_tree(2): a copy of a mount without what is mounted on it; mount_namespaces(7): what is locked", try: copyOfProc,
			control: asModule, policy: "procall", opens: "procunmasked", want: "EINVAL", layer: "mounts: masked", fact: overProc},
		attack{name: "masked-new-proc", family: family, source: "proc(5), user_namespaces(7): who makes a pid namespace may mount a proc of it", try: newProc,
			control: asModule, policy: "procall", opens: "procunmasked", want: "EPERM", layer: "mounts: masked", fact: overProc})
}

// copyOfProc looks past the masks, where it is the owner of the namespace with the mounts.
func copyOfProc(given) (string, error) {
	s, err := newScript()
	if err != nil {
		return "", err
	}
	cwd := ^uintptr(99) // AT_FDCWD
	copied := s.add(unix.SYS_OPEN_TREE, cwd, s.text("/proc"), unix.OPEN_TREE_CLONE)
	s.add(unix.SYS_OPENAT, result(copied), s.text("interrupts"), unix.O_RDONLY, 0)
	at, err := s.run(unix.CLONE_NEWUSER | unix.CLONE_NEWNS)
	return []string{"clone", "open_tree", "openat", ""}[at+1], err
}

// newProc makes a proc that nothing is mounted on. Landlock would stop who mounts it, so it stays where it is made.
func newProc(given) (string, error) {
	s, err := newScript()
	if err != nil {
		return "", err
	}
	const create, attributes = unix.FSCONFIG_CMD_CREATE, unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	made := s.add(unix.SYS_FSOPEN, s.text("proc"), 0)
	s.add(unix.SYS_FSCONFIG, result(made), create, 0, 0, 0)
	s.add(unix.SYS_FSMOUNT, result(made), 0, attributes)
	at, err := s.run(unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID)
	return []string{"clone", "fsopen", "fsconfig", "fsmount", ""}[at+1], err
}

// overProc says that this host has something mounted over its proc, as a module's has.
func overProc() string {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err.Error()
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[4], "/proc/") {
			return f[4] + " is mounted over"
		}
	}
	return ""
}

// readSome reads the beginning of a file. That there is nothing in it is ENODATA.
func readSome(path string) func(given) (string, error) {
	return func(given) (string, error) {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return "open", err
		}
		defer unix.Close(fd)
		n, err := unix.Read(fd, make([]byte, 64))
		if err == nil && n == 0 {
			err = unix.ENODATA
		}
		return "read", err
	}
}

func listSome(path string) func(given) (string, error) {
	return func(given) (string, error) {
		entries, err := os.ReadDir(path)
		if err == nil && len(entries) == 0 {
			err = unix.ENODATA
		}
		return "list", err
	}
}

// absent says that this kernel has nothing at a path, or nothing in it.
func absent(path string) func() string {
	return func() string {
		_, err := os.Stat(path)
		if errors.Is(err, unix.ENOENT) {
			return "this kernel has no " + path
		}
		if _, err := readSome(path)(nil); errors.Is(err, unix.ENODATA) || errors.Is(err, unix.EAGAIN) {
			return path + " has nothing in it"
		}
		if _, err := listSome(path)(nil); errors.Is(err, unix.ENODATA) {
			return path + " has nothing in it"
		}
		return ""
	}
}
