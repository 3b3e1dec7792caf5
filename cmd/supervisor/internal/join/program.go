package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"strings"
)

// program is what the kernel maps of a static executable.
type program struct {
	entry    uint64
	segments []elf.ProgHeader
}

// pageSize is what segments are aligned to, in the file and in memory.
const pageSize = 0x1000

// parse reads an executable that can be put beside another one: nothing in it has to be relocated, and it has no thread-local storage that a C library
// would have to know of.
func parse(image []byte) (program, error) {
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return program{}, err
	}
	if f.Type != elf.ET_EXEC || f.Machine != elf.EM_X86_64 {
		return program{}, fmt.Errorf("it is %v for %v; it has to be an executable at fixed addresses for x86-64", f.Type, f.Machine)
	}
	p := program{entry: f.Entry}
	var end uint64
	for _, s := range f.Progs {
		switch s.Type {
		case elf.PT_INTERP, elf.PT_DYNAMIC, elf.PT_TLS:
			return program{}, fmt.Errorf("it has %v; build it with CGO_ENABLED=0", s.Type)
		case elf.PT_LOAD:
		default:
			continue
		}
		if s.Vaddr%pageSize != 0 || s.Vaddr < end {
			return program{}, fmt.Errorf("the segment at %#x is not at a page of its own", s.Vaddr)
		}
		end = s.Vaddr + s.Memsz
		p.segments = append(p.segments, s.ProgHeader)
	}
	if len(p.segments) == 0 {
		return program{}, errors.New("there is nothing in it to load")
	}
	return p, nil
}

// assembly is the source of an object that has a section for what each segment has in the file, and one for the zeros behind it.
func (p program) assembly() string {
	var b strings.Builder
	fmt.Fprintf(&b, ".globl bulkhead_exec_start\n.set bulkhead_exec_start, %#x\n", p.entry)
	for i, s := range p.segments {
		flags := "a"
		if s.Flags&elf.PF_W != 0 {
			flags += "w"
		}
		if s.Flags&elf.PF_X != 0 {
			flags += "x"
		}
		fmt.Fprintf(&b, ".section .exec%d, \"%s\", @progbits\n.balign %d\n.incbin \"exec.elf\", %d, %d\n", i, flags, pageSize, s.Off, s.Filesz)
		if s.Memsz > s.Filesz {
			fmt.Fprintf(&b, ".section .exec%d.zero, \"%s\", @nobits\n.skip %d\n", i, flags, s.Memsz-s.Filesz)
		}
	}
	b.WriteString(".section .note.GNU-stack, \"\", @progbits\n")
	return b.String()
}

// script adds to the linker's own: the sections come where the program was linked to, behind all others.
func (p program) script() string {
	var b strings.Builder
	b.WriteString("SECTIONS\n{\n")
	for i, s := range p.segments {
		fmt.Fprintf(&b, "\t.exec%d %#x : { KEEP(*(.exec%d)) }\n", i, s.Vaddr, i)
		if s.Memsz > s.Filesz {
			fmt.Fprintf(&b, "\t.exec%d.zero %#x (NOLOAD) : { KEEP(*(.exec%d.zero)) }\n", i, s.Vaddr+s.Filesz, i)
		}
	}
	b.WriteString("}\nINSERT AFTER .bss;\n")
	return b.String()
}
