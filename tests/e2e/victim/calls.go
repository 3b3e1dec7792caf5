package victim

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// keyctl asks for the session keyring of the user, which is made when there is none.
func keyctl([]string) (string, error) {
	_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_USER_SESSION_KEYRING, true)
	return "", err
}

// personality asks for the own one.
func personality([]string) (string, error) {
	p, _, errno := unix.Syscall(unix.SYS_PERSONALITY, 0xffffffff, 0, 0)
	return fmt.Sprintf("%#x", p), asError(errno)
}

// unknown:NUMBER makes a call that no table has.
func unknown(args []string) (string, error) {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return "", err
	}
	_, _, errno := unix.Syscall(uintptr(n), 0, 0, 0)
	return "", asError(errno)
}

// x32 asks for the own pid through the x32 interface: the number has a bit set.
func x32([]string) (string, error) {
	_, _, errno := unix.Syscall(0x40000000|unix.SYS_GETPID, 0, 0, 0)
	return "", asError(errno)
}

// compat asks for the own pid through the 32-bit interface.
func compat([]string) (string, error) {
	const getpid = 20 // in the 32-bit table
	r, ok := int80(getpid)
	switch {
	case !ok:
		return "", unix.ENOSYS
	case r < 0:
		return "", unix.Errno(-r)
	}
	return strconv.Itoa(int(r)), nil
}

func asError(errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}
