package demo

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// programs are attempts to run something else.
func (g ground) programs() []attempt {
	layers := map[unix.Errno]Layer{unix.ENOENT: LayerMounts, unix.EACCES: LayerPermissions}
	return []attempt{
		{
			name: "start a program: its own, once more", gain: "a program is easier to bend than machine code",
			try: func() answer {
				return answer{call: "execve(" + strconv.Quote(g.program) + ", …, NULL)", nr: unix.SYS_EXECVE, errno: rawExecve(g.program),
					reached: []unix.Errno{unix.EFAULT}, layers: layers}
			},
		},
		{
			name: "start it the way the supervisor did, guessing the secret", gain: "the same, past a filter that allows one exec",
			try: func() answer { return guessSecret(g.program, layers) },
		},
		{
			name: "put a program into memory to start it", gain: "a program that no file system check sees",
			try: func() answer {
				fd, err := unix.MemfdCreate("bulkhead-demo", unix.MFD_CLOEXEC)
				if err == nil {
					_ = unix.Close(fd)
				}
				return answer{call: `memfd_create("bulkhead-demo", MFD_CLOEXEC)`, nr: unix.SYS_MEMFD_CREATE, errno: errno(err)}
			},
		},
	}
}

// guessSecret tries a value for the sixth argument of execveat, which opens the filter for the launch.
func guessSecret(program string, layers map[unix.Errno]Layer) answer {
	var guess [8]byte
	_, _ = rand.Read(guess[:]) // never fails: crypto/rand
	secret := binary.NativeEndian.Uint64(guess[:])
	fd, err := unix.Open(program, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return answer{call: "openat(AT_FDCWD, " + strconv.Quote(program) + ", O_RDONLY|O_CLOEXEC)", nr: unix.SYS_OPENAT, errno: errno(err), layers: layers}
	}
	defer unix.Close(fd)
	return answer{call: fmt.Sprintf(`execveat(%d, "", …, NULL, AT_EMPTY_PATH, %#x)`, fd, secret), nr: unix.SYS_EXECVEAT,
		errno: rawExecveat(fd, secret), reached: []unix.Errno{unix.EFAULT}, layers: layers}
}
