// Package terminal gives a command a pseudo-terminal of its own and passes it through to the real one.
//
// The command must not hold the user's terminal: with it, it could put characters into the input of the shell that started it
// (TIOCSTI, CVE-2017-5226) or take it over. So its standard streams are the slave side of a new pseudo-terminal, the real terminal
// is in raw mode, and bytes are copied in both directions: ^C, ^Z and the like are the business of the command's own session.
//
// A standard output or error that is not a terminal stays what it is, as with ssh -t and docker run -t where only streams
// that are terminals are replaced.
//
// # Limits
//
// What the command prints reaches the real terminal unchanged, escape sequences included: a terminal emulator that obeys
// harmful ones is not protected.
package terminal
