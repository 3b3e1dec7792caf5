package linux

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Segment is a part of the program as it lies in the memory of this process: whole pages, in bytes.
type Segment struct{ Addr, Length uintptr }

// programHeader is Elf64_Phdr. Source: elf(5).
type programHeader struct {
	kind, flags                 uint32
	offset, virtual, physical   uint64
	inFile, inMemory, alignment uint64
}

// Kinds and flags of program headers, and entries of the auxiliary vector. Source: elf(5), getauxval(3).
const (
	headerLoad  = 1 // PT_LOAD
	headerTable = 6 // PT_PHDR
	flagWrite   = 2 // PF_W

	auxHeaders    = 3 // AT_PHDR
	auxHeaderSize = 4 // AT_PHENT
	auxHeaderNum  = 5 // AT_PHNUM
)

// ReadOnlySegments returns the parts of the running program that are as they are in its file: instructions and constants. They cannot be written
// to, so what the kernel takes away of them with MADV_DONTNEED comes back, when it is needed, as it was. Pages that a part shares with
// another one are not among them. It makes no system call and reads no file: there may be no /proc.
func ReadOnlySegments() ([]Segment, error) {
	vector, err := unix.Auxv()
	if err != nil {
		return nil, fmt.Errorf("read the auxiliary vector: %w", err)
	}
	aux := map[uintptr]uintptr{}
	for _, entry := range vector {
		aux[entry[0]] = entry[1]
	}
	at, n := aux[auxHeaders], aux[auxHeaderNum]
	if at == 0 || n == 0 || aux[auxHeaderSize] != unsafe.Sizeof(programHeader{}) {
		return nil, errors.New("find the program in memory: the auxiliary vector does not say where its headers are")
	}
	// Address and number are the kernel's, which mapped the headers with the program. That memory is not Go's to move or to free, and it stays as
	// it is for as long as the process lives, so a slice of it is sound. The address becomes a pointer by way of memory because it never was one:
	// what go vet is afraid of, the garbage collector having moved what it pointed to, cannot be.
	headers := unsafe.Slice(*(**programHeader)(unsafe.Pointer(&at)), n)
	return readOnly(headers, at, uintptr(os.Getpagesize()))
}

// readOnly returns the segments of a program whose headers are at an address.
func readOnly(headers []programHeader, at, page uintptr) ([]Segment, error) {
	bias, err := loadBias(headers, at)
	if err != nil {
		return nil, err
	}
	var segments []Segment
	for _, h := range headers {
		if h.kind != headerLoad || h.flags&flagWrite != 0 {
			continue
		}
		// Inwards: the page in which one part ends can be the one in which the next begins, and that may be writable.
		first := (bias + uintptr(h.virtual) + page - 1) &^ (page - 1)
		end := (bias + uintptr(h.virtual+min(h.inFile, h.inMemory))) &^ (page - 1)
		if first < end {
			segments = append(segments, Segment{first, end - first})
		}
	}
	return segments, nil
}

// loadBias is what is to be added to the addresses in the headers: where the kernel put a program that can be anywhere, or 0.
func loadBias(headers []programHeader, at uintptr) (uintptr, error) {
	for _, h := range headers {
		if h.kind == headerTable {
			return at - uintptr(h.virtual), nil
		}
	}
	// A program with a place of its own need not say where its headers are; they are where one of its parts is.
	for _, h := range headers {
		if h.kind == headerLoad && at >= uintptr(h.virtual) && uint64(at)-h.virtual < h.inFile {
			return 0, nil
		}
	}
	return 0, errors.New("find the program in memory: its headers do not say where it is")
}
