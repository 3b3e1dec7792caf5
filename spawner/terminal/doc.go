// Package terminal gives a command a pseudo-terminal of its own and passes it through.
//
// The command must not hold the user's terminal: with it, it could put characters into the input of the shell that started it
// (TIOCSTI, CVE-2017-5226), change its settings, or read what is typed for others. So its standard streams are the far side of a new
// pseudo-terminal, the real terminal is in raw mode, and bytes are copied in both directions, each as it is. ^C, ^Z and ^D are
// bytes too: what they mean is the business of the new terminal and of the job control in the command's own session.
//
//	p, err := terminal.Open(kernel, 0)
//	defer p.Close()               // on every way out, or the shell is left with a terminal in raw mode
//	launch(command, p.Stdio())    // in a session of its own, with the first one as its controlling terminal
//	err = p.Run(done)             // until done is closed and all output is passed on
//
// Settings and size are those of the real terminal; a change of the size is followed (SIGWINCH). When the real terminal hangs up the new one
// does so as well, so the command gets SIGHUP and end-of-file, as it would without us. After the supervisor was stopped and
// is continued (SIGCONT) the real terminal is made raw again.
//
// # Streams that are no terminals
//
// A standard output or error that is a file or a pipe stays what it is, as with sudo's use_pty and ssh: `supervisor exec … > file` gets
// exactly the bytes that the command writes. One that is a terminal becomes the new one, whichever terminal it is.
// (docker run -t sends both to the terminal; bubblewrap hands the real terminal over.)
//
// # Limits
//
//   - What the command prints reaches the real terminal unchanged, escape sequences included: a terminal emulator that obeys harmful ones
//     is not protected.
//   - ^Z does nothing to a command that is alone in its session: the kernel does not stop a process group that nobody could continue.
//     It works as usual below a shell.
//   - A supervisor that is killed by SIGKILL, or dies of a bug in another goroutine, cannot restore the terminal; `stty sane` does.
//   - A terminal that this user may not open (after su) is used as it is inherited. Then a write to one that takes nothing holds up the
//     input too.
//
//posixvet:leak os/signal.Notify, os/signal.Stop: signals reach a Go program through its runtime only
package terminal
