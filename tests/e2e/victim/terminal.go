package victim

import (
	"bufio"
	"fmt"
	"os"
	ossignal "os/signal"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// tty says whether the standard streams are a terminal, of which size it is, and whether this process is in its foreground.
func tty([]string) (string, error) {
	var out []string
	for fd := range 3 {
		size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
		if err != nil {
			return strings.Join(out, " "), err
		}
		out = append(out, fmt.Sprintf("%dx%d", size.Row, size.Col))
	}
	fg, err := unix.IoctlGetInt(0, unix.TIOCGPGRP)
	if err != nil {
		return strings.Join(out, " "), err
	}
	out = append(out, fmt.Sprintf("foreground=%t", fg == unix.Getpgrp()))
	return strings.Join(out, " "), nil
}

// winch waits until the window changes its size, and says to what.
func winch([]string) (string, error) {
	changed := make(chan os.Signal, 1)
	ossignal.Notify(changed, unix.SIGWINCH)
	fmt.Println("watching")
	<-changed
	size, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%dx%d", size.Row, size.Col), nil
}

// line reads one from the standard input.
func line([]string) (string, error) {
	text, err := bufio.NewReader(os.Stdin).ReadString('\n')
	return strings.TrimSpace(text), err
}

// inject:TEXT,FD puts characters into the input of the terminal behind a descriptor, 0 when none is named, as if they had been typed. For that
// a process needs the terminal as the one of its session: it tries to get it first.
func inject(args []string) (string, error) {
	fd := 0
	if len(args) > 1 {
		var err error
		if fd, err = strconv.Atoi(args[1]); err != nil {
			return "", err
		}
		_ = unix.IoctlSetInt(fd, unix.TIOCSCTTY, 0) // it may have it already; and whether it gets it shows
		_ = unix.IoctlSetInt(fd, unix.TIOCSCTTY, 1)
	}
	for i := range len(args[0]) {
		if errno := rawTypeAhead(fd, args[0], i); errno != 0 {
			return "", errno
		}
	}
	return "", nil
}
