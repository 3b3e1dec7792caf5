package kernel

import (
	"bytes"
	"encoding/binary"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/bpf"
)

// bytes returns n bytes of the child's memory. EFAULT: they are not all in it.
func (l *launch) bytes(at, n uint64) ([]byte, posix.Errno) {
	offset := at - launchMemory
	if at < launchMemory || offset > uint64(len(l.memory)) || n > uint64(len(l.memory))-offset {
		return nil, efault
	}
	return l.memory[offset : offset+n : offset+n], 0
}

// text returns a string that ends with a zero byte.
func (l *launch) text(at uint64) (string, posix.Errno) {
	if _, errno := l.bytes(at, 0); errno != 0 {
		return "", errno
	}
	rest := l.memory[at-launchMemory:]
	end := bytes.IndexByte(rest, 0)
	if end < 0 {
		return "", efault
	}
	return string(rest[:end]), 0
}

// texts returns an array of strings that ends with a null pointer; a null pointer instead of one is an empty array.
func (l *launch) texts(at uint64) ([]string, posix.Errno) {
	var out []string
	for at != 0 {
		word, errno := l.word(at)
		if errno != 0 {
			return nil, errno
		}
		if word == 0 {
			break
		}
		s, errno := l.text(word)
		if errno != 0 {
			return nil, errno
		}
		out = append(out, s)
		at += 8
	}
	return out, 0
}

// word returns eight bytes.
func (l *launch) word(at uint64) (uint64, posix.Errno) {
	b, errno := l.bytes(at, 8)
	if errno != 0 {
		return 0, errno
	}
	return binary.NativeEndian.Uint64(b), 0
}

// words returns n words.
func (l *launch) words(at uint64, n int) ([]uint64, posix.Errno) {
	b, errno := l.bytes(at, 8*uint64(n))
	if errno != 0 {
		return nil, errno
	}
	out := make([]uint64, n)
	for i := range out {
		out[i] = binary.NativeEndian.Uint64(b[8*i:])
	}
	return out, 0
}

// put32 stores 32-bit numbers at the places of an array of pointers, as getresuid does.
func (l *launch) put32(at []uint64, values ...uint32) posix.Errno {
	for i, v := range values {
		b, errno := l.bytes(at[i], 4)
		if errno != 0 {
			return errno
		}
		binary.NativeEndian.PutUint32(b, v)
	}
	return 0
}

// filter returns the program of a struct sock_fprog.
func (l *launch) filter(at, length uint64) (bpf.Program, posix.Errno) {
	b, errno := l.bytes(at, length*bpf.InstructionSize)
	if errno != 0 {
		return nil, errno
	}
	program := make(bpf.Program, length)
	for i := range program {
		in := b[i*bpf.InstructionSize:]
		program[i] = bpf.Instruction{Code: binary.NativeEndian.Uint16(in), JT: in[2], JF: in[3], K: binary.NativeEndian.Uint32(in[4:])}
	}
	return program, 0
}
