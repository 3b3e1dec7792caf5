package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// image makes the headers of an executable.
func image(t *testing.T, kind elf.Type, machine elf.Machine, segments ...elf.Prog64) []byte {
	t.Helper()
	h := elf.Header64{Type: uint16(kind), Machine: uint16(machine), Version: 1, Entry: 0x40002000, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: uint16(len(segments))}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	var b bytes.Buffer
	for _, part := range []any{h, segments} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func load(flags elf.ProgFlag, addr, file, memory uint64) elf.Prog64 {
	return elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(flags), Off: 0x1000, Vaddr: addr, Filesz: file, Memsz: memory, Align: 0x1000}
}

func TestParse(t *testing.T) {
	text, data := load(elf.PF_R|elf.PF_X, 0x40000000, 0x2000, 0x2000), load(elf.PF_R|elf.PF_W, 0x40003000, 0x10, 0x5000)
	other := func(kind elf.ProgType) elf.Prog64 { return elf.Prog64{Type: uint32(kind)} }
	for _, c := range []struct {
		name  string
		image []byte
		want  string
	}{
		{"a static program", image(t, elf.ET_EXEC, elf.EM_X86_64, other(elf.PT_PHDR), text, data, other(elf.PT_GNU_STACK)), ""},
		{"no ELF", bytes.Repeat([]byte("#!/bin/sh\n"), 9), "magic"},
		{"one that has to be relocated", image(t, elf.ET_DYN, elf.EM_X86_64, text, data), "fixed addresses"},
		{"another machine", image(t, elf.ET_EXEC, elf.EM_AARCH64, text, data), "EM_AARCH64"},
		{"a loader", image(t, elf.ET_EXEC, elf.EM_X86_64, other(elf.PT_INTERP), text), "PT_INTERP"},
		{"thread-local storage", image(t, elf.ET_EXEC, elf.EM_X86_64, text, other(elf.PT_TLS)), "CGO_ENABLED=0"},
		{"a segment within a page", image(t, elf.ET_EXEC, elf.EM_X86_64, load(elf.PF_R, 0x40000100, 1, 1)), "0x40000100"},
		{"segments over each other", image(t, elf.ET_EXEC, elf.EM_X86_64, text, load(elf.PF_R, 0x40001000, 1, 1)), "0x40001000"},
		{"nothing to load", image(t, elf.ET_EXEC, elf.EM_X86_64), "nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := parse(c.image)
			if c.want == "" {
				if err != nil || len(p.segments) != 2 || p.entry != 0x40002000 {
					t.Errorf("%+v, %v", p, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want one with %q", err, c.want)
			}
		})
	}
}

// TestJoined links a real Go program and one of C into one file: the argument tells which of them runs.
func TestJoined(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("there is no gcc here, which links the supervisor")
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	run := func(wd string, env []string, argv ...string) string {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir, cmd.Env = wd, append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", argv, err, out)
		}
		return string(out)
	}
	// Zeros behind the data of both, and values that have to be there.
	main := write("main.go", `package main

import "os"

var zeros [1 << 20]byte
var word = "Go"

func main() {
	for _, b := range zeros {
		if b != 0 {
			os.Exit(9)
		}
	}
	zeros[len(os.Args)] = 1
	os.Stdout.WriteString(word + " " + os.Args[1])
}
`)
	run(dir, []string{"CGO_ENABLED=0", "GOFLAGS=-mod=mod"}, "go", "build", "-ldflags", "-T 0x40001000", "-o", "go.elf", main)
	write("main.c", `#include <stdio.h>
static char zeros[1 << 20];
static const char *volatile word = "C";
extern void _start(void);
extern const char bulkhead_exec_start;
__attribute__((used)) static const void *choose(const long *stack) {
	return stack[0] == 2 ? (const void *)&bulkhead_exec_start : (const void *)_start;
}
__asm__(".globl bulkhead_entry\nbulkhead_entry:\n mov %rsp, %rdi\n mov %rsp, %rbp\n and $-16, %rsp\n call choose\n mov %rbp, %rsp\n xor %edx, %edx\n jmp *%rax\n");
int main(int argc, char **argv) {
	for (unsigned i = 0; i < sizeof zeros; i++)
		if (zeros[i])
			return 9;
	zeros[argc] = 1;
	printf("%s %d", word, argc);
	return 0;
}
`)
	compiler := []string{"env", "gcc"}
	flags, err := join(filepath.Join(dir, "go.elf"), filepath.Join(dir, "made by us"), compiler)
	if err != nil {
		t.Fatal(err)
	}
	again, err := join(filepath.Join(dir, "go.elf"), filepath.Join(dir, "made by us"), compiler)
	if err != nil || again != flags {
		t.Errorf("the second time it is %q, %v, want %q", again, err, flags)
	}
	// A shell takes a list apart as the go command does, when there is nothing in it but single quotation marks.
	run(dir, nil, "sh", "-c", "gcc -static -o both main.c "+flags)
	both := filepath.Join(dir, "both")
	for want, argv := range map[string][]string{"C 1": {both}, "Go x": {both, "x"}, "C 3": {both, "x", "y"}} {
		if got := run(dir, nil, argv...); got != want {
			t.Errorf("with %d arguments it says %q, want %q", len(argv)-1, got, want)
		}
	}
	// What packagers do to a program must not break it.
	run(dir, nil, "strip", both)
	if got := run(dir, nil, both, "x"); got != "Go x" {
		t.Errorf("stripped, it says %q", got)
	}
}

func TestNothingIsLeft(t *testing.T) {
	to := t.TempDir()
	if _, err := join(filepath.Join(to, "none"), to, []string{"gcc"}); err == nil {
		t.Error("a program that is not there was joined")
	}
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, image(t, elf.ET_EXEC, elf.EM_X86_64, load(elf.PF_R, 0x40000000, 1<<40, 1<<40)), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := join(path, to, []string{"gcc"}); err == nil {
		t.Error("a segment behind the end of the file was taken")
	}
	if _, err := join(path, filepath.Join(to, `it's`), []string{"gcc"}); err == nil || !strings.Contains(err.Error(), "quotation mark") {
		t.Errorf("a path that cannot be written down: %v", err)
	}
	if names, err := os.ReadDir(to); err != nil || len(names) > 0 {
		t.Errorf("%v %v is left", names, err)
	}
}
