package stage

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestHelper: one segment, which is read and executed and never written, and no loader.
func TestHelper(t *testing.T) {
	f, err := elf.NewFile(bytes.NewReader(helper))
	if err != nil {
		t.Fatal(err)
	}
	if f.Type != elf.ET_EXEC || f.Machine != elf.EM_X86_64 || len(f.Progs) != 1 {
		t.Fatalf("type %v, machine %v, %d segments", f.Type, f.Machine, len(f.Progs))
	}
	p := f.Progs[0]
	if p.Type != elf.PT_LOAD || p.Flags != elf.PF_R|elf.PF_X || p.Off != 0 || p.Filesz != uint64(len(helper)) || p.Memsz != p.Filesz {
		t.Errorf("segment %+v of %d bytes", p.ProgHeader, len(helper))
	}
	if f.Entry < p.Vaddr+64+56 || f.Entry >= p.Vaddr+p.Memsz {
		t.Errorf("the entry %#x is not in the code", f.Entry)
	}
}

// TestGenerate makes the committed bytes again.
func TestGenerate(t *testing.T) {
	for _, tool := range []string{"as", "ld"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("this host has no %s to assemble with: %v", tool, err)
		}
	}
	dir := t.TempDir()
	for _, name := range []string{"generate.sh", "userns_amd64.S"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("sh", "generate.sh")
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	again, err := os.ReadFile(filepath.Join(dir, "zz_generated_userns_amd64"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again, helper) {
		t.Errorf("%d bytes are made from the source; %d other ones are committed", len(again), len(helper))
	}
}
