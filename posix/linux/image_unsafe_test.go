package linux

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapping is a line of /proc/self/smaps with what follows it.
type mapping struct {
	first, end          uintptr
	access, path        string
	resident, anonymous uintptr // bytes
}

// mappings returns what the kernel says is mapped. Source: proc_pid_smaps(5).
func mappings(t *testing.T) (all []mapping) {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	must(t, "open the mappings", err)
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		var m mapping
		if n, _ := fmt.Sscanf(fields[0], "%x-%x", &m.first, &m.end); n == 2 {
			m.access, m.path = fields[1], strings.Join(fields[5:], " ")
			all = append(all, m)
			continue
		}
		last := &all[len(all)-1]
		for key, to := range map[string]*uintptr{"Rss:": &last.resident, "Anonymous:": &last.anonymous} {
			if fields[0] == key {
				_, err := fmt.Sscanf(fields[1], "%d", to)
				must(t, "read "+lines.Text(), err)
				*to <<= 10
			}
		}
	}
	if len(all) == 0 {
		t.Fatal("nothing is mapped")
	}
	return all
}

// Every page that is called read-only must be one of the program's file that cannot be written to, and those that are executed must all be there.
func TestReadOnlySegments(t *testing.T) {
	segments, err := ReadOnlySegments()
	must(t, "ReadOnlySegments", err)
	program := executable(t)
	within := func(page uintptr) bool {
		return slices.ContainsFunc(segments, func(s Segment) bool { return page >= s.Addr && page < s.Addr+s.Length })
	}
	page := uintptr(os.Getpagesize())
	executed, missing, found := 0, 0, uintptr(0)
	for _, m := range mappings(t) {
		for at := m.first; at < m.end; at += page {
			switch in := within(at); {
			case in && (m.path != program || strings.Contains(m.access, "w")):
				t.Fatalf("%#x is called read-only and is in %+v", at, m)
			case in:
				found += page
			case m.path == program && strings.Contains(m.access, "x"):
				missing++
			}
			if m.path == program && strings.Contains(m.access, "x") {
				executed++
			}
		}
	}
	if executed == 0 || missing > 2 { // the first and the last can be shared with another part
		t.Errorf("%d of %d pages that are executed are missing", missing, executed)
	}
	var sum uintptr
	for _, s := range segments {
		sum += s.Length
	}
	if found != sum {
		t.Errorf("%d bytes of %d are mapped", found, sum)
	}
}

// What was given up must be gone, and must be the same when it comes back.
func TestReadOnlySegmentsComeBack(t *testing.T) {
	segments, err := ReadOnlySegments()
	must(t, "ReadOnlySegments", err)
	read := func() (sum uint64) {
		for _, s := range segments {
			for _, b := range unsafe.Slice(*(**byte)(unsafe.Pointer(&s.Addr)), s.Length) { // as in ReadOnlySegments
				sum = sum*31 + uint64(b)
			}
		}
		return sum
	}
	resident := func() (sum uintptr) {
		for _, m := range mappings(t) {
			if slices.ContainsFunc(segments, func(s Segment) bool { return m.first < s.Addr+s.Length && s.Addr < m.end }) {
				sum += m.resident
				if m.anonymous != 0 {
					t.Errorf("somebody wrote to %+v", m)
				}
			}
		}
		return sum
	}
	before, full := read(), resident()
	for _, s := range segments {
		must(t, "Madvise", New().Madvise(s.Addr, s.Length, unix.MADV_DONTNEED))
	}
	if left := resident(); left > full*3/4 {
		t.Errorf("of %d bytes, %d are resident after they were given up", full, left)
	}
	if after := read(); after != before {
		t.Errorf("the program has changed: %#x, then %#x", before, after)
	}
}

func TestReadOnly(t *testing.T) {
	const page = 0x1000
	load := func(flags uint32, virtual, size uint64) programHeader {
		return programHeader{kind: headerLoad, flags: flags, virtual: virtual, inFile: size, inMemory: size}
	}
	table := programHeader{kind: headerTable, virtual: 0x40}
	for _, tt := range []struct {
		name    string
		at      uintptr
		headers []programHeader
		want    []Segment
		err     bool
	}{
		{name: "a fixed place", at: 0x400040, headers: []programHeader{load(4, 0x400000, 0x1000), load(5, 0x401000, 0x3000), load(6, 0x404000, 0x1000)},
			want: []Segment{{0x400000, 0x1000}, {0x401000, 0x3000}}},
		{name: "any place", at: 0x7f0000000040, headers: []programHeader{table, load(4, 0, 0x1000), load(5, 0x1000, 0x2000), load(6, 0x3f00, 0x1000)},
			want: []Segment{{0x7f0000000000, 0x1000}, {0x7f0000001000, 0x2000}}},
		{name: "shared pages", at: 0x400040, headers: []programHeader{load(5, 0x400000, 0x2800), load(6, 0x402900, 0x1000), load(4, 0x404100, 0x2000)},
			want: []Segment{{0x400000, 0x2000}, {0x405000, 0x1000}}},
		{name: "within a page", at: 0x400040, headers: []programHeader{load(5, 0x400000, 0x568), load(4, 0x402100, 0x300)}},
		{name: "zeros after the file", at: 0x400040, headers: []programHeader{
			{kind: headerLoad, flags: 4, virtual: 0x400000, inFile: 0x1000, inMemory: 0x9000}}, want: []Segment{{0x400000, 0x1000}}},
		{name: "other headers", at: 0x400040, headers: []programHeader{load(4, 0x400000, 0x1000), {kind: 4, virtual: 0x400000, inFile: 0x1000, inMemory: 0x1000}},
			want: []Segment{{0x400000, 0x1000}}},
		{name: "nobody knows where", at: 0x7f0000000040, headers: []programHeader{load(4, 0, 0x1000), load(5, 0x1000, 0x2000)}, err: true},
		{name: "no headers", at: 0x400040, err: true},
	} {
		got, err := readOnly(tt.headers, tt.at, page)
		if (err != nil) != tt.err || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %#x, %v; want %#x", tt.name, got, err, tt.want)
		}
	}
}
