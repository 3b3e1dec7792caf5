package bpf

import "encoding/binary"

// Data is what a filter reads of a system call. Source: struct seccomp_data in linux/seccomp.h.
type Data struct {
	Nr   uint32
	Arch uint32 // AUDIT_ARCH_…
	IP   uint64
	Args [6]uint64
}

// dataSize is the length of struct seccomp_data in bytes.
const dataSize = 64

// Offsets of the words of struct seccomp_data.
const (
	OffsetNr   = 0
	OffsetArch = 4
)

// bigEndian tells whether the high half of a 64-bit word comes first.
var bigEndian = binary.NativeEndian.Uint16([]byte{0, 1}) == 1

// OffsetArgLow returns where the low 32 bits of an argument (0 to 5) are.
func OffsetArgLow(arg int) uint32 { return argOffset(arg, bigEndian) }

// OffsetArgHigh returns where the high 32 bits of an argument (0 to 5) are.
func OffsetArgHigh(arg int) uint32 { return argOffset(arg, !bigEndian) }

func argOffset(arg int, second bool) uint32 {
	offset := uint32(16 + 8*arg)
	if second {
		offset += 4
	}
	return offset
}

// word returns the 32 bits at an offset that Check accepted.
func (d *Data) word(offset uint32) uint32 {
	switch offset {
	case OffsetNr:
		return d.Nr
	case OffsetArch:
		return d.Arch
	}
	value := d.IP
	if offset >= 16 {
		value = d.Args[(offset-16)/8]
	}
	if (offset%8 == 4) != bigEndian {
		return uint32(value >> 32)
	}
	return uint32(value)
}

// SetWord sets the 32 bits at an offset: a multiple of 4 below 64.
func (d *Data) SetWord(offset, word uint32) {
	switch offset {
	case OffsetNr:
		d.Nr = word
		return
	case OffsetArch:
		d.Arch = word
		return
	}
	value := &d.IP
	if offset >= 16 {
		value = &d.Args[(offset-16)/8]
	}
	if (offset%8 == 4) != bigEndian {
		*value = *value&0xffffffff | uint64(word)<<32
	} else {
		*value = *value&^0xffffffff | uint64(word)
	}
}
