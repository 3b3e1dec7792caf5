package victim

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// disk:read,PATH and disk:write,PATH read or write the first 4 MiB of a file again and again, past the page cache, for ever. Every request waits for
// the disk: open(2), O_DIRECT and O_DSYNC. A third argument is how much a request is about, in bytes, instead of 64 KiB.
func useDisk(args []string) (string, error) {
	const all = 4 << 20
	block := 64 << 10
	if len(args) < 2 || args[0] != "read" && args[0] != "write" {
		return "", fmt.Errorf("disk: read,PATH or write,PATH")
	}
	if len(args) == 3 {
		var err error
		if block, err = number(args, 2); err != nil {
			return "", err
		}
	}
	flags := unix.O_RDONLY
	if args[0] == "write" {
		flags = unix.O_WRONLY | unix.O_DSYNC
	}
	fd, err := unix.Open(args[1], flags|unix.O_DIRECT|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	buf, err := unix.Mmap(-1, 0, block, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS) // aligned
	if err != nil {
		return "", err
	}
	for n := int64(0); ; n++ {
		at := n * int64(block) % all
		if args[0] == "write" {
			_, err = unix.Pwrite(fd, buf, at)
		} else {
			_, err = unix.Pread(fd, buf, at)
		}
		if err != nil {
			return "", err
		}
	}
}
