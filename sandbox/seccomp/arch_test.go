package seccomp

import (
	"runtime"
	"slices"
	"testing"
)

func TestNumberAndNameAreInverse(t *testing.T) {
	for _, a := range Arches() {
		t.Run(a.Name(), func(t *testing.T) {
			last, count := int64(-1), 0
			for name, nr := range a.Calls() {
				count++
				if got, known := a.Number(name); !known || got != nr {
					t.Errorf("Number(%q) is %d, %v; want %d", name, got, known, nr)
				}
				if got := a.CallName(nr); got != name {
					t.Errorf("CallName(%d) is %q, want %q", nr, got, name)
				}
				if int64(nr) <= last {
					t.Errorf("%s is out of order", name)
				}
				last = int64(nr)
			}
			if count < 300 {
				t.Errorf("only %d calls", count)
			}
			if back, known := ArchByName(a.Name()); !known || back != a {
				t.Errorf("ArchByName(%q) is %v", a.Name(), back)
			}
		})
	}
}

// The numbers are the kernel's: arch/x86/entry/syscalls, include/uapi/asm-generic/unistd.h, arch/arm/tools/syscall.tbl.
func TestNumbersOfEachArchitecture(t *testing.T) {
	const x32 = x32Bit
	for _, c := range []struct {
		call                       string
		amd64, i386, x32, a64, arm int64 // -1: it has no such call
	}{
		{"read", 0, 3, x32 + 0, 63, 3},
		{"openat", 257, 295, x32 + 257, 56, 322},
		{"open", 2, 5, x32 + 2, -1, 5},
		{"execve", 59, 11, x32 + 520, 221, 11},
		{"mmap", 9, 90, x32 + 9, 222, -1},
		{"mmap2", -1, 192, -1, -1, 192},
		{"socketcall", -1, 102, -1, -1, -1},
		{"socket", 41, 359, x32 + 41, 198, 281},
		{"ioctl", 16, 54, x32 + 514, 29, 54},
		{"clone3", 435, 435, x32 + 435, 435, 435},
		{"io_uring_setup", 425, 425, x32 + 425, 425, 425},
		{"mseal", 462, 462, x32 + 462, 462, 462},
		{"setxattrat", 463, 463, x32 + 463, 463, 463},
		{"vfork", 58, 190, x32 + 58, -1, 190},
		{"arch_prctl", 158, 384, x32 + 158, -1, -1},
		{"cacheflush", -1, -1, -1, -1, 0xf0002},
		{"set_tls", -1, -1, -1, -1, 0xf0005},
		{"uselib", 134, 86, -1, -1, 86},
		{"no_such_call", -1, -1, -1, -1, -1},
	} {
		for a, want := range map[Arch]int64{X8664: c.amd64, X86: c.i386, X32: c.x32, AArch64: c.a64, ARM: c.arm} {
			nr, known := a.Number(c.call)
			if got := int64(nr); known != (want >= 0) || known && got != want {
				t.Errorf("%s: %s is %#x, %v; want %#x", a, c.call, got, known, want)
			}
		}
	}
}

func TestX32IsNotX8664(t *testing.T) {
	if X8664.Audit() != X32.Audit() {
		t.Error("x32 has an architecture of its own")
	}
	if got := X8664.CallName(x32Bit); got != "" {
		t.Errorf("x86_64 takes the number of x32's read: %q", got)
	}
	if got := X32.CallName(0); got != "" {
		t.Errorf("x32 takes the number of x86_64's read: %q", got)
	}
	if got := X32.CallName(x32Bit | 520); got != "execve" {
		t.Errorf("execve of x32 is %q", got)
	}
}

func TestAuditValues(t *testing.T) {
	for a, want := range map[Arch]uint32{X8664: 0xc000003e, X86: 0x40000003, X32: 0xc000003e, AArch64: 0xc00000b7, ARM: 0x40000028} {
		if got := a.Audit(); got != want {
			t.Errorf("%s: %#x, want %#x", a, got, want)
		}
	}
}

func TestNoArchitecture(t *testing.T) {
	for _, a := range []Arch{0, ARM + 1, 255} {
		_, known := a.Number("read")
		if known || a.CallName(0) != "" || a.Audit() != 0 || a.Name() != "" || a.String() != "none" {
			t.Errorf("%d is an architecture", uint8(a))
		}
		for name := range a.Calls() {
			t.Errorf("%d has %s", uint8(a), name)
		}
	}
	if a, known := ArchByName(""); known || a != 0 {
		t.Errorf("the empty name is %v", a)
	}
	if Native().Name() != map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH] {
		t.Errorf("native is %v", Native())
	}
}

func TestCallNamesAreSorted(t *testing.T) {
	var names []string
	for i := range callEnds {
		names = append(names, nameAt(uint16(i)))
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Error("the names are not sorted or not unique")
	}
}
