package host

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func TestSubRange(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       IDRange
	}{
		{"nothing", "", IDRange{}},
		{"by name", "bob:1:2\nalice:100000:65536\n", IDRange{100000, 65536}},
		{"by number", "1000:200000:10", IDRange{200000, 10}},
		{"the longest", "alice:100000:10\nalice:300000:20\n1000:200000:15\n", IDRange{300000, 20}},
		{"somebody whose name begins so", "alicex:100000:10\nali:1:2\n10000:5:6", IDRange{}},
		{"spaces and comments", "# alice:1:2\n alice:100000:10 \n", IDRange{100000, 10}},
		{"no numbers", "alice:x:10\nalice:10:\nalice::10\nalice:-1:10\nalice:1e3:10\nalice:10:1x\nalice:10\nalice:10:10:10\nalice", IDRange{}},
		{"root's number", "alice:0:65536", IDRange{}},
		{"up to the last number", "alice:4294967294:1", IDRange{4294967294, 1}},
		{"more than there are", "alice:4294967295:1\nalice:4294967294:2\nalice:1:4294967295\nalice:18446744073709551616:1", IDRange{}},
		{"empty range", "alice:100000:0", IDRange{}},
	} {
		if got := subRange(c.text, "alice", "1000"); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestUserName(t *testing.T) {
	text := "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/:\nagain:x:1000:1:::\nshort:x:7\n:x:8:8:::"
	for number, want := range map[string]string{"0": "root", "1000": "alice", "100": "", "7": "", "8": ""} {
		if got := userName(text, number); got != want {
			t.Errorf("%s is %q, want %q", number, got, want)
		}
	}
}

// TestExtents: every number has one place, inside and outside, and neither root nor the overflow user has any.
func TestExtents(t *testing.T) {
	for _, c := range []struct {
		name string
		ids  IDRange
		own  uint32
		want []Extent
	}{
		{"usual", IDRange{100000, 65536}, 1000, []Extent{{1000, 1000, 1}, {1, 100000, 999}, {1001, 101000, 64533}}},
		{"the first", IDRange{100000, 65536}, 1, []Extent{{1, 1, 1}, {2, 100001, 65532}}},
		{"the last", IDRange{100000, 65536}, 65533, []Extent{{65533, 65533, 1}, {1, 100000, 65532}}},
		{"outside of the numbers", IDRange{100000, 65536}, 70000, []Extent{{70000, 70000, 1}, {1, 100000, 65533}}},
		{"nobody", IDRange{100000, 65536}, 65534, []Extent{{65534, 65534, 1}, {1, 100000, 65533}}},
		{"a short range", IDRange{100000, 10}, 1000, []Extent{{1000, 1000, 1}, {1, 100000, 10}}},
		{"up to one's own", IDRange{100000, 1000}, 1000, []Extent{{1000, 1000, 1}, {1, 100000, 999}}},
		{"one number", IDRange{100000, 1}, 1, []Extent{{1, 1, 1}}},
		{"none", IDRange{}, 1000, []Extent{{1000, 1000, 1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.ids.Extents(c.own)
			if !slices.Equal(got, c.want) {
				t.Fatalf("%v, want %v", got, c.want)
			}
			seen := map[uint32]bool{}
			for _, e := range got {
				for n := range e.Count {
					if seen[e.Outside+n] {
						t.Fatalf("%d outside stands for two", e.Outside+n)
					}
					seen[e.Outside+n] = true
				}
			}
			if _, ok := Outside(got, 0); ok {
				t.Error("root is mapped")
			}
			if out, ok := Outside(got, c.own); !ok || out != c.own {
				t.Errorf("one's own number is %d", out)
			}
		})
	}
}

func TestParseExtents(t *testing.T) {
	got := ParseExtents("      1000       1000          1\n         1     100000        999\n")
	if want := []Extent{{1000, 1000, 1}, {1, 100000, 999}}; !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	for id, want := range map[uint32]uint32{1000: 1000, 1: 100000, 999: 100998} {
		if out, ok := Outside(got, id); !ok || out != want {
			t.Errorf("%d is %d, want %d", id, out, want)
		}
	}
	for _, id := range []uint32{0, 1001, 65534} {
		if out, ok := Outside(got, id); ok {
			t.Errorf("%d is %d", id, out)
		}
	}
	if got := ParseExtents("1 2\nx\n\n-1 1 1\n1 1 99999999999"); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func FuzzSubRange(f *testing.F) {
	f.Add("alice:100000:65536\n1000:5:6\n")
	f.Fuzz(func(t *testing.T, text string) {
		r := subRange(text, "alice", "1000")
		if r.Count > 0 && (r.First == 0 || uint64(r.First)+uint64(r.Count) > 1<<32-1) {
			t.Errorf("%+v", r)
		}
		for _, e := range r.Extents(1000) {
			if e.Count == 0 || e.Inside == 0 || e.Outside == 0 {
				t.Errorf("%+v of %+v", e, r)
			}
		}
		_ = ParseExtents(text)
	})
}

// withSubIDs are the facts of an ordinary user who has everything.
func withSubIDs() Facts {
	f := Facts{EUID: 1000, EGID: 1000}
	f.UserNS.Initial = true
	f.SubIDs = SubIDFacts{User: "alice", UIDs: IDRange{100000, 65536}, GIDs: IDRange{200000, 65536}, UIDMapper: "/usr/bin/newuidmap", GIDMapper: "/usr/bin/newgidmap"}
	return f
}

func TestSubIDMaps(t *testing.T) {
	for _, c := range []struct {
		name      string
		change    func(*Facts)
		has       bool
		why, with string
	}{
		{"all is there", func(*Facts) {}, true, "", ""},
		{"nobody asked", func(f *Facts) { f.SubIDs = SubIDFacts{} }, false, "", ""},
		{"nothing is there", func(f *Facts) { f.SubIDs = SubIDFacts{User: "alice"} }, false, "newuidmap and newgidmap are not installed; user alice has no range in /etc/subuid and /etc/subgid",
			"apt-get install uidmap && usermod --add-subuids 100000-165535 --add-subgids 100000-165535 alice"},
		{"one program", func(f *Facts) { f.SubIDs.GIDMapper = "" }, false, "not installed", "apt-get install uidmap"},
		{"no groups", func(f *Facts) { f.SubIDs.GIDs = IDRange{} }, false, "user alice has no range in /etc/subgid", "usermod --add-subgids 100000-165535 alice"},
		{"they failed", func(f *Facts) { f.UserNS.Initial, f.SubIDs.Failed = false, "newuidmap: x" }, false, "newuidmap: x", "newuidmap(1)"},
		{"no new privileges", func(f *Facts) { f.NoNewPrivs = true }, false, "no_new_privs", "NoNewPrivileges="},
		{"in the namespace", func(f *Facts) {
			f.UserNS, f.SubIDs, f.NoNewPrivs = UserNSFacts{UIDMap: "1000 1000 1\n1 100000 999", GIDMap: "1000 1000 1\n1 200000 999"}, SubIDFacts{}, true
		}, true, "", ""},
		{"in a namespace of one", func(f *Facts) {
			f.UserNS, f.SubIDs = UserNSFacts{UIDMap: "1000 1000 1", GIDMap: "1000 1000 1"}, SubIDFacts{}
		}, false, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := withSubIDs()
			c.change(&f)
			users, groups, why, with := f.SubIDMaps()
			if (len(users) > 0) != c.has || (len(groups) > 0) != c.has || !strings.Contains(why, c.why) || (why == "") != (c.why == "") || !strings.Contains(with, c.with) {
				t.Errorf("users %v, groups %v, %q, %q", users, groups, why, with)
			}
			if c.has {
				if out, _ := Outside(groups, 5); out != 200004 {
					t.Errorf("group 5 is %d", out)
				}
			}
		})
	}
}

// TestSubIDsOfFiles: what is asked of the system, and which programs count.
func TestSubIDsOfFiles(t *testing.T) {
	f := &subIDFiles{texts: map[string]string{"/etc/passwd": "alice:x:1000:1000::/:\n", "/etc/subuid": "alice:100000:65536\n", "/etc/subgid": "1000:200000:65536\n"},
		modes: map[string]uint32{"/usr/bin/newuidmap": unix.S_IFREG | 0o4777, "/bin/newuidmap": unix.S_IFREG | 0o4755, "/usr/bin/newgidmap": unix.S_IFDIR | 0o755}}
	got := SubIDs(f, 1000)
	want := SubIDFacts{User: "alice", UIDs: IDRange{100000, 65536}, GIDs: IDRange{200000, 65536}, UIDMapper: "/bin/newuidmap"}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := SubIDs(&subIDFiles{}, 1000); got != (SubIDFacts{User: "1000"}) {
		t.Errorf("without files: %+v", got)
	}
}

// subIDFiles has a few files.
type subIDFiles struct {
	posix.Unimplemented
	texts map[string]string
	modes map[string]uint32
	open  string
}

func (f *subIDFiles) Openat2(_ posix.FD, path string, _ posix.OpenHow) (posix.FD, error) {
	if _, ok := f.texts[path]; !ok {
		return -1, posix.Errno(unix.ENOENT)
	}
	f.open = f.texts[path]
	return 9, nil
}

func (f *subIDFiles) Read(_ posix.FD, p []byte) (int, error) {
	n := copy(p, f.open)
	f.open = f.open[n:]
	return n, nil
}

func (f *subIDFiles) Close(posix.FD) error { return nil }

func (f *subIDFiles) Fstatat(_ posix.FD, path string, st *posix.Stat, _ int) error {
	if st.Mode = f.modes[path]; st.Mode == 0 {
		return posix.Errno(unix.ENOENT)
	}
	return nil
}
