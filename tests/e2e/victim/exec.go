package victim

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// arguments are those of a program that an attempt succeeded to execute: the further parameters of the attempt, so that a loader
// can be told what to load, or else "say:executed".
func arguments(args []string) (path *byte, argv []*byte, err error) {
	rest := args[1:]
	if len(rest) == 0 {
		rest = []string{"say:executed"}
	}
	for _, arg := range append([]string{os.Args[0]}, rest...) {
		p, err := unix.BytePtrFromString(arg)
		if err != nil {
			return nil, nil, err
		}
		argv = append(argv, p)
	}
	path, err = unix.BytePtrFromString(args[0])
	return path, append(argv, nil), err
}

// execve:PATH[,ARGUMENT…]
func execve(args []string) (string, error) {
	path, argv, err := arguments(args)
	if err != nil {
		return "", err
	}
	return "", asError(rawExecve(path, argv))
}

// execveat:PATH
func execveat(args []string) (string, error) { return "", executeAt(args, 0) }

// guess:PATH,VALUE guesses the value that the one exec of the launch was allowed with; "random" is a random one.
func guess(args []string) (string, error) {
	value, err := strconv.ParseUint(args[1], 0, 64)
	if args[1] == "random" {
		var b [8]byte
		if _, err := unix.Getrandom(b[:], 0); err != nil {
			return "", err
		}
		for i, c := range b {
			value |= uint64(c) << (8 * i)
		}
		err = nil
	}
	if err != nil {
		return "", err
	}
	return "", executeAt(args[:1], value)
}

func executeAt(args []string, sixth uint64) error {
	path, argv, err := arguments(args)
	if err != nil {
		return err
	}
	return asError(rawExecveat(unix.AT_FDCWD, path, argv, 0, sixth))
}

// fexecve:PATH executes a descriptor.
func fexecve(args []string) (string, error) {
	fd, err := unix.Open(args[0], unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	return "", executeDescriptor(fd)
}

func executeDescriptor(fd int) error {
	_, argv, err := arguments([]string{""})
	if err != nil {
		return err
	}
	return asError(rawExecveat(fd, new(byte), argv, unix.AT_EMPTY_PATH, 0))
}

// memfd:PATH executes a copy of a program in memory.
func memfd(args []string) (string, error) {
	fd, err := unix.MemfdCreate("copy", unix.MFD_CLOEXEC)
	if err != nil {
		return "memfd_create", err
	}
	memory := os.NewFile(uintptr(fd), "copy")
	defer memory.Close()
	program, err := os.Open(args[0])
	if err != nil {
		return "open", err
	}
	defer program.Close()
	if _, err := io.Copy(memory, program); err != nil {
		return "copy", err
	}
	return "execveat", executeDescriptor(fd)
}

// say:WORD succeeds.
func say(args []string) (string, error) { return args[0], nil }
