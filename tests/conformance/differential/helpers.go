package differential

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// helper is a program that children execute.
type helper int

const (
	waiting helper = iota // until a signal ends it
	exiting               // with status 3
	helpers
)

// String returns the helper's name, under which the other implementation has it in [HelperDir].
func (h helper) String() string { return [...]string{"wait", "exit3"}[h] }

// HelperDir is where the other implementation has the programs that children execute: "wait", which waits until a signal ends it, and "exit3", which
// ends with status 3.
const HelperDir = "/helper"

// The numbers that descriptors have on both sides, above those of the Go runtime; those of programs begin at firstFD.
const (
	dirFD    posix.FD = 20
	helperFD posix.FD = 21
	procFD            = 25 // the host's /proc, when programs can mount
	firstFD  posix.FD = 30
)

func (h helper) fd() posix.FD { return helperFD + posix.FD(h) }

// image returns an executable for x86-64: starting a program of the Go runtime would take a hundred times as long. Source: elf(5).
func (h helper) image() []byte {
	code := [...][]byte{
		waiting: {0xb8, unix.SYS_PAUSE, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7},                   // mov eax, pause; syscall; jmp back
		exiting: {0xbf, 3, 0, 0, 0, 0xb8, unix.SYS_EXIT_GROUP & 0xff, 0, 0, 0, 0x0f, 0x05}, // mov edi, 3; mov eax, exit_group; syscall
	}[h]
	const header, base = 64 + 56, 0x400000
	b := make([]byte, header, header+len(code))
	copy(b, "\x7fELF\x02\x01\x01")
	le := binary.LittleEndian
	le.PutUint16(b[16:], 2)    // an executable
	le.PutUint16(b[18:], 0x3e) // x86-64
	le.PutUint32(b[20:], 1)
	le.PutUint64(b[24:], base+header) // where it begins
	le.PutUint64(b[32:], 64)          // where the program headers are
	le.PutUint16(b[52:], 64)
	le.PutUint16(b[54:], 56)
	le.PutUint16(b[56:], 1)
	p := b[64:]
	le.PutUint32(p, 1)     // load
	le.PutUint32(p[4:], 5) // read and execute
	le.PutUint64(p[16:], base)
	le.PutUint64(p[24:], base)
	le.PutUint64(p[32:], uint64(header+len(code)))
	le.PutUint64(p[40:], uint64(header+len(code)))
	le.PutUint64(p[48:], 0x1000)
	return append(b, code...)
}
