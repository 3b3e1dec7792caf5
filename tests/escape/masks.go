package main

import (
	"errors"
	"os"

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
	return list
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
