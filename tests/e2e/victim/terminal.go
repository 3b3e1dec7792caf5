package victim

import (
	"bufio"
	"fmt"
	"os"
	ossignal "os/signal"
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

// inject:TEXT puts characters into the input of the terminal, as if they had been typed.
func inject(args []string) (string, error) {
	for i := range len(args[0]) {
		if errno := rawTypeAhead(0, args[0], i); errno != 0 {
			return "", errno
		}
	}
	return "", nil
}
