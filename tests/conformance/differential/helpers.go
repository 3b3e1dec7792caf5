package differential

import (
	"encoding/binary"
	"errors"
	"fmt"

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

// String returns the helper's name.
func (h helper) String() string { return [...]string{"wait", "exit3"}[h] }

// Helpers returns the programs that children execute, as what is in their files: "wait", which waits until a signal ends it, and "exit3", which ends
// with status 3. An implementation that cannot run them recognizes them by that.
func Helpers() map[string][]byte {
	images := map[string][]byte{}
	for h := range helpers {
		images[h.String()] = h.image()
	}
	return images
}

// place opens the helper under its number. Executing what is open for writing is ETXTBSY, so it is opened again.
func (h helper) place(core posix.Core) error {
	w, err := core.MemfdCreate("helper", unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	if _, err := core.Write(w, h.image()); err != nil {
		return err
	}
	fd, err := core.Openat2(posix.AtFDCWD, fmt.Sprintf("/proc/self/fd/%d", w), posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC})
	if err != nil {
		return err
	}
	return errors.Join(core.Close(w), core.Dup3(fd, h.fd(), unix.O_CLOEXEC), core.Close(fd))
}

// The numbers that descriptors have on both sides, above those of the Go runtime; those of programs begin at firstFD.
const (
	dirFD    posix.FD = 20
	helperFD posix.FD = 21
	readyFD  posix.FD = 24 // on Linux an eventfd, to which "wait" writes when it runs
	procFD            = 25 // the host's /proc, when programs can mount
	firstFD  posix.FD = 30
)

func (h helper) fd() posix.FD { return helperFD + posix.FD(h) }

// image returns an executable for x86-64: starting a program of the Go runtime would take a hundred times as long. Source: elf(5).
func (h helper) image() []byte {
	code := [...][]byte{
		waiting: {
			0xbf, byte(readyFD), 0, 0, 0, // mov edi, readyFD
			0x48, 0x8d, 0x35, 0x15, 0, 0, 0, // lea rsi, [the 1 at the end]
			0xba, 8, 0, 0, 0, 0xb8, unix.SYS_WRITE, 0, 0, 0, 0x0f, 0x05, // mov edx, 8; mov eax, write; syscall
			0xb8, unix.SYS_PAUSE, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7, // mov eax, pause; syscall; jmp back
			1, 0, 0, 0, 0, 0, 0, 0,
		},
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
