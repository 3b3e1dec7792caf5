// Package wire is the messages between the processes of a supervisor: small, bounded, of a fixed layout.
//
// Integers are little endian; a string or a list is its length followed by its elements. A decoder never allocates more
// than the message's own size asks for, checks every length, and refuses trailing bytes. There is no reflection.
package wire
