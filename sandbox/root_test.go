package sandbox

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// layoutOf lays out the root of a module with a file-system list.
func layoutOf(t *testing.T, h *fakeHost, entries ...string) (root, policy.Diagnostics) {
	t.Helper()
	p := parse(t, withFiles(entries...))
	c := &compiler{Request: Request{Policy: p, Host: h}, module: &p.Modules[0], host: h, facts: h.facts}
	return c.layout(), c.problems
}

func TestLayout(t *testing.T) {
	merged := []link{{"bin", "usr/bin"}, {"lib", "usr/lib"}, {"lib64", "usr/lib64"}, {"sbin", "usr/sbin"}}
	tests := []struct {
		name    string
		entries []string
		change  func(*fakeHost)
		want    []string // "path source access"
		links   []link
	}{
		{name: "usr shows lib", entries: []string{"{path: /usr, access: rx}", "{path: /lib, access: rx}"}, want: []string{"/usr /usr 5"}, links: merged},
		{name: "lib first", entries: []string{"{path: /lib, access: rx}", "{path: /usr, access: rx}"}, want: []string{"/usr /usr 5"}, links: merged},
		{name: "lib with another access stays", entries: []string{"{path: /usr, access: rx}", "{path: /lib, access: r}"},
			want: []string{"/usr /usr 5", "/usr/lib /usr/lib 1"}, links: merged},
		{name: "the same by two names joins", entries: []string{"{path: /bin, access: rx}", "{path: /usr/bin, access: rw}"},
			want: []string{"/usr/bin /usr/bin 7"}, links: []link{{"bin", "usr/bin"}}},
		{name: "a file below a link", entries: []string{"{path: /lib64/ld-linux-x86-64.so.2, access: rx}"},
			want:  []string{"/usr/lib64/ld-linux-x86-64.so.2 /usr/lib/x86_64-linux-gnu/ld.so 5"},
			links: []link{{"lib64", "usr/lib64"}}},
		{name: "nothing behind the links", entries: []string{"{path: /etc/hostname, access: r}"}, want: []string{"/etc/hostname /etc/hostname 1"}},
		{name: "a link elsewhere", entries: []string{"{path: /etc/current, access: r}"}, want: []string{"/etc/current /etc/web 1"}},
		{name: "names that begin alike", entries: []string{"{path: /srv/data, access: r}", "{path: /srv/data-2, access: r}"},
			change: func(h *fakeHost) { h.files["/srv/data-2/x"] = entry{kind: Regular} },
			want:   []string{"/srv/data /srv/data 1", "/srv/data-2 /srv/data-2 1"}},
		{name: "a root without merged usr", entries: []string{"{path: /lib, access: rx}", "{path: /usr, access: rx}"},
			change: func(h *fakeHost) {
				for _, l := range []string{"/bin", "/sbin", "/lib", "/lib64"} {
					delete(h.files, l)
				}
				h.files["/lib/libc.so.6"] = entry{kind: Regular}
			},
			want: []string{"/lib /lib 5", "/usr /usr 5"}},
		{name: "links of a third kind", entries: []string{"{path: /lib, access: rx}"},
			change: func(h *fakeHost) { h.files["/lib"] = entry{link: "/usr/lib"} },
			want:   []string{"/usr/lib /usr/lib 5"}, links: []link{{"lib", "/usr/lib"}}},
		{name: "a device beside its directory", entries: []string{"{path: /dev, access: rw}", "{path: /dev/null, access: rw}"},
			want: []string{"/dev /dev 3", "/dev/null /dev/null 3"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := debian()
			if tt.change != nil {
				tt.change(h)
			}
			r, ds := layoutOf(t, h, tt.entries...)
			if len(ds) > 0 {
				t.Fatal(ds)
			}
			var got []string
			for _, n := range r.nodes {
				got = append(got, n.Path+" "+n.source+" "+string('0'+byte(n.Access)))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("mounts (- want, + got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.links, r.links, cmp.AllowUnexported(link{})); diff != "" {
				t.Errorf("links (- want, + got):\n%s", diff)
			}
		})
	}
}

// TestLayoutShowsNothingElse: every mount of a root is at, or stands for, something that the policy lists.
func TestLayoutShowsNothingElse(t *testing.T) {
	entries := []string{"{path: /usr/bin, access: rx}", "{path: /lib, access: r}", "{path: /etc/web, access: r}", "{path: /tmp, tmpfs: 1M}", "{path: /dev/null, access: rw}"}
	listed := []string{"/usr/bin", "/usr/lib", "/etc/web", "/tmp", "/dev/null"}
	for n := range 1 << len(entries) {
		var some, want []string
		for i := range entries {
			if n>>i&1 == 1 {
				some, want = append(some, entries[i]), append(want, listed[i])
			}
		}
		if len(some) == 0 {
			continue
		}
		r, ds := layoutOf(t, debian(), some...)
		if len(ds) > 0 {
			t.Fatal(ds)
		}
		var got []string
		for _, node := range r.nodes {
			got = append(got, node.Path)
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%v shows %v", some, got)
		}
	}
}

func TestThrough(t *testing.T) {
	links := []link{{"lib", "usr/lib"}, {"bin", "/usr/bin"}, {"up", "../../usr"}}
	for p, want := range map[string]string{
		"/lib": "/usr/lib", "/lib/x": "/usr/lib/x", "/library": "/library", "/lib64": "/lib64", "/bin/sh": "/usr/bin/sh",
		"/usr/lib": "/usr/lib", "/": "/", "/up/bin": "/usr/bin", "/srv/lib/x": "/srv/lib/x",
	} {
		if got := through(links, p); got != want {
			t.Errorf("%s leads to %s, want %s", p, got, want)
		}
	}
}

func TestWithin(t *testing.T) {
	for _, tt := range []struct {
		p, dir string
		want   bool
	}{{"/usr", "/usr", true}, {"/usr/bin", "/usr", true}, {"/usrx", "/usr", false}, {"/", "/usr", false}, {"/us", "/usr", false}, {"/usr-2/bin", "/usr", false}} {
		if got := within(tt.p, tt.dir); got != tt.want {
			t.Errorf("%s within %s: %v", tt.p, tt.dir, got)
		}
	}
}

func TestAccessNames(t *testing.T) {
	for a, want := range map[policy.Access]string{
		policy.AccessRead: "read access", policy.AccessWrite | policy.AccessExecute: "write and execute access",
	} {
		if got := accessNames(a); got != want {
			t.Errorf("%d is %q", a, got)
		}
	}
}
