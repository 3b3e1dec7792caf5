package sandbox

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// plain is a module that every host of these tests can run. Line 8 is its first.
const plain = `
command: [/bin/true, -v]
user: web
environment: {LANG: C}
capabilities: []
filesystem:
  - {path: /usr, access: rx}
  - {path: /lib, access: rx}
  - {path: /proc, proc: pid}
  - {path: /tmp, tmpfs: 16M, access: rw}
  - {path: /dev/null, access: rw}
seccomp: {allow: ["@io", exit_group]}
`

// with returns plain with lines in place of others that start the same way, or added.
func with(lines ...string) string {
	out := strings.Split(strings.Trim(plain, "\n"), "\n")
	for _, l := range lines {
		key, _, _ := strings.Cut(l, ":")
		if i := slices.IndexFunc(out, func(o string) bool { return strings.HasPrefix(o, key+":") }); i >= 0 && !strings.HasPrefix(l, " ") {
			out[i] = l
		} else {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

// withFiles returns plain with another file-system list.
func withFiles(entries ...string) string {
	head, _, _ := strings.Cut(strings.Trim(plain, "\n"), "filesystem:")
	return head + "filesystem:\n  - " + strings.Join(entries, "\n  - ") + "\nseccomp: {allow: [\"@io\"]}\n"
}

func TestCompileDiagnostics(t *testing.T) {
	const usr = "{path: /usr, access: rx}"
	set := func(change func(*host.Facts)) func(*fakeHost) { return func(h *fakeHost) { change(&h.facts) } }
	tests := []struct {
		name   string
		host   *fakeHost
		change func(*fakeHost)
		module string
		want   []string // "code line"
		says   string   // a part of the text
	}{
		{name: "nothing", module: plain},
		{name: "ordinary user", host: aliceInside(), module: plain},
		{name: "old kernel", change: set(func(f *host.Facts) { f.Release, f.Kernel = "5.10.0", policy.KernelVersion{Major: 5, Minor: 10} }),
			module: plain, want: []string{"E611 2"}, says: "the policy needs Linux 5.13; this is 5.10.0"},
		{name: "older major", change: set(func(f *host.Facts) { f.Release, f.Kernel = "4.19.0", policy.KernelVersion{Major: 4, Minor: 19} }),
			module: plain, want: []string{"E611 2"}},
		{name: "no mount API", change: set(func(f *host.Facts) { f.MountAPI = false }), module: plain, want: []string{"E611 7"}, says: "open_tree"},
		{name: "no pidfds", change: set(func(f *host.Facts) { f.Pidfd = false }), module: plain, want: []string{"E611 7"}},
		{name: "no landlock", change: set(func(f *host.Facts) { f.Landlock = host.LandlockFacts{Errno: unix.EOPNOTSUPP} }),
			module: plain, want: []string{"E610 7"}, says: "help: add landlock to lsm="},
		{name: "no landlock accepted", change: set(func(f *host.Facts) { f.Landlock = host.LandlockFacts{Errno: unix.EOPNOTSUPP} }),
			module: with("best_effort: [landlock]")},
		{name: "no seccomp", change: set(func(f *host.Facts) { f.Seccomp = 0 }), module: plain, want: []string{"E610 18"}, says: "cannot enforce seccomp"},
		{name: "no pid namespaces", change: set(func(f *host.Facts) { f.Namespaces &^= unix.CLONE_NEWPID }),
			module: with("namespaces: [mount, pid]", "network: {mode: host}"), want: []string{"E610 19"}, says: "help: or accept the loss: best_effort: [pid]"},
		{name: "no user namespaces for an ordinary user", change: set(func(f *host.Facts) {
			f.EUID, f.Capabilities, f.Tried, f.UserNS.Errno = 1000, host.CapabilityFacts{Last: 40}, true, unix.ENOSPC
		}), module: plain, want: []string{"E610 7"}, says: "without root a launch begins in a user namespace, which this host refuses: no space left on device"},
		{name: "refused namespaces", change: set(func(f *host.Facts) { f.Refused[1] = unix.EPERM }), // pid
			module: with("namespaces: [mount, pid]", "network: {mode: host}"), want: []string{"E610 19"}, says: "it refuses pid namespaces: operation not permitted"},
		{name: "refused namespaces, accepted", change: set(func(f *host.Facts) { f.Refused[4] = unix.ENOSPC }), module: with("best_effort: [network]")},
		{name: "refused mount namespaces", change: set(func(f *host.Facts) { f.Refused[0] = unix.EPERM }),
			module: with("best_effort: [mount]"), want: []string{"E610 7"}, says: "refuses mount namespaces, which the filesystem list is made of"},
		{name: "a filter of somebody else", change: set(func(f *host.Facts) { f.MountAPI, f.SeccompMode = false, 2 }),
			module: plain, want: []string{"E611 7"}, says: "which a seccomp filter refuses that the supervisor is under itself"},
		{name: "no mount namespaces", change: set(func(f *host.Facts) { f.Namespaces &^= unix.CLONE_NEWNS }),
			module: with("best_effort: [mount]"), want: []string{"E610 7"}, says: "the filesystem list is made of"},
		{name: "no cgroups", change: set(func(f *host.Facts) { f.Cgroup = host.CgroupFacts{} }), module: with("resources: {memory.max: 1M, pids.max: 9}"),
			want: []string{"E610 19", "E610 19"}, says: "no control group hierarchy has the memory controller"},
		{name: "no cgroups accepted", change: set(func(f *host.Facts) { f.Cgroup = host.CgroupFacts{} }),
			module: with("resources: {memory.max: 1M, pids.max: 9}", "best_effort: [resources]")},
		{name: "one of two accepted", change: set(func(f *host.Facts) { f.Cgroup = host.CgroupFacts{} }),
			module: with("resources: {memory.max: 1M, pids.max: 9}", "best_effort: [pids.max]"), want: []string{"E610 19"}, says: "memory.max"},
		{name: "version 1 as an ordinary user", host: aliceInside(), module: with("resources: {memory.max: 1M}"),
			want: []string{"E610 19"}, says: "cannot be delegated"},
		{name: "read-only control groups", change: set(func(f *host.Facts) { f.Cgroup.V2.ReadOnly = true }), module: with("resources: {memory.max: 1M}"),
			want: []string{"E610 19"}, says: "/sys/fs/cgroup is mounted read-only"},
		{name: "no place for control groups", change: set(func(f *host.Facts) {
			f.Tried, f.Cgroup.V2.Dir, f.Cgroup.V2.Errno = true, "/sys/fs/cgroup/user.slice", unix.EACCES
		}), module: with("resources: {memory.max: 1M}"), want: []string{"E610 19"}, says: "no control group can be made in /sys/fs/cgroup/user.slice: permission denied"},
		{name: "no place in what is mounted", change: set(func(f *host.Facts) { f.Tried = true }), module: with("resources: {memory.max: 1M}"),
			want: []string{"E610 19"}, says: "no control group can be made in /sys/fs/cgroup"},
		{name: "a controller that is not handed down", change: set(func(f *host.Facts) {
			f.Tried, f.Cgroup.V2.Place, f.Cgroup.V2.Offers = true, "/sys/fs/cgroup/mine", host.Pids
		}), module: with("resources: {memory.max: 1M, pids.max: 9}"), want: []string{"E610 19"}, says: "/sys/fs/cgroup/mine does not hand the memory controller down"},
		{name: "a place that was tried", change: set(func(f *host.Facts) {
			f.Tried, f.Cgroup.V2.Place, f.Cgroup.V2.Offers = true, "/sys/fs/cgroup/mine", host.Pids|host.Memory
		}), module: with("resources: {memory.max: 1M, pids.max: 9}")},
		{name: "version 1 as root", change: set(func(f *host.Facts) { f.Cgroup = onVersion1(host.Memory) }), module: with("resources: {memory.max: 1M}")},
		{name: "unknown user", module: with("user: nobody-here"), want: []string{"E613 9"}, says: "useradd --system nobody-here"},
		{name: "unknown group", module: with("group: nogroup-here"), want: []string{"E614 19"}, says: "groupadd"},
		{name: "user database broken", change: func(h *fakeHost) { h.broken = errBroken }, module: plain,
			want: []string{"E600 13", "E600 14", "E600 17", "E600 7", "E600 8", "E600 9"}, says: "the user database: the other end is gone"},

		{name: "path missing", module: withFiles(usr, "{path: /usr/share/doc, access: r}"), want: []string{"E601 14"}, says: "if_exists: true"},
		{name: "path missing, optional", module: withFiles(usr, "{path: /nowhere, access: r, if_exists: true}")},
		{name: "source missing", module: withFiles(usr, "{path: /usr/share/doc, source: /usr/share/doc2, access: r}"), want: []string{"E601 14"}, says: "nothing at /usr/share/doc2"},
		{name: "another source", module: withFiles(usr, "{path: /site, source: /etc/web, access: r}")},
		{name: "minimal dev", module: withFiles(usr, "{path: /dev, dev: minimal}", "{path: /dev/null, access: r}", "{path: /dev/log, source: /run/fifo}")},
		{name: "minimal dev, a device missing", change: func(h *fakeHost) { delete(h.files, "/dev/full") }, module: withFiles(usr, "{path: /dev, dev: minimal}"),
			want: []string{"E601 14"}, says: "the host has no device at /dev/full, which dev: minimal shows"},
		{name: "minimal dev, a device is a file", change: func(h *fakeHost) { h.files["/dev/null"] = entry{kind: Regular} },
			module: withFiles(usr, "{path: /dev, dev: minimal}"), want: []string{"E601 14"}, says: "the host has no device at /dev/null"},
		{name: "no links, old kernel", change: set(func(f *host.Facts) { f.Release, f.Kernel = "5.13.0", policy.KernelVersion{Major: 5, Minor: 13} }),
			module: withFiles(usr, "{path: /etc, nosymfollow: true}"), want: []string{"E610 14"}, says: "help: run it on a newer kernel; or accept the loss: best_effort: [nosymfollow]"},
		{name: "no links, accepted", change: set(func(f *host.Facts) { f.Release, f.Kernel = "5.13.0", policy.KernelVersion{Major: 5, Minor: 13} }),
			module: withFiles(usr, "{path: /etc, nosymfollow: true}") + "best_effort: [nosymfollow]\n"},
		{name: "no links", module: withFiles(usr, "{path: /etc, nosymfollow: true}")},
		{name: "no links on the way to the loader", module: withFiles("{path: /usr, access: rx, nosymfollow: true}"), want: []string{"E631 8"},
			says: "needs " + loader + ", which cannot start: it is reached by a link on /usr, which has nosymfollow"},
		{name: "dangling link", module: withFiles(usr, "{path: /dangling, access: r}"), want: []string{"E601 14"}, says: "no such file or directory"},
		{name: "link to the root", module: withFiles(usr, "{path: /everything, access: r}"), want: []string{"E602 14"}},
		{name: "no place inside", module: withFiles(usr, "{path: /usr/cache, tmpfs: 1M}"), want: []string{"E603 14"}, says: "/usr is listed too"},
		{name: "directory on a file", module: withFiles(usr, "{path: /etc/hostname, access: r}", "{path: /etc, access: r}", "{path: /etc/web/web.conf, tmpfs: 1M}"), want: []string{"E603 16"}},
		{name: "tmpfs over the command", module: withFiles(usr, "{path: /usr/bin, tmpfs: 1M}"), want: []string{"E631 8"}, says: "something new at /usr/bin, which hides"},
		{name: "tmpfs over the loader", module: withFiles(usr, "{path: /usr/lib/x86_64-linux-gnu, tmpfs: 1M, access: rwx}"), want: []string{"E631 8"},
			says: "something new at /usr/lib/x86_64-linux-gnu, which hides"},
		{name: "working directory", module: with("working_dir: /tmp")},
		{name: "working directory made for a mount", module: withFiles(usr, "{path: /srv/data/file, access: r}") + "working_dir: /srv/data\n"},
		{name: "working directory through a link", module: with("working_dir: /bin")},
		{name: "working directory that is not listed", module: with("working_dir: /srv/data"), want: []string{"E632 19"}, says: "not in the filesystem list"},
		{name: "working directory that is not there", module: with("working_dir: /usr/none"), want: []string{"E632 19"}, says: "no such file"},
		{name: "working directory below a tmpfs", module: with("working_dir: /tmp/x"), want: []string{"E632 19"}, says: "/tmp is new then"},
		{name: "working directory that is a file", module: with("working_dir: /usr/bin/true"), want: []string{"E632 19"}, says: "not a directory"},
		{name: "working directory that is a listed file", module: with("working_dir: /dev/null"), want: []string{"E632 19"}, says: "not a directory"},
		{name: "place inside through a link", module: withFiles(usr, "{path: /etc, access: r}", "{path: /etc/current, tmpfs: 1M}"),
			want: []string{"E604 15"}, says: "list /etc/web instead"},
		{name: "place inside", module: withFiles(usr, "{path: /etc, access: r}", "{path: /etc/web, tmpfs: 1M}")},
		{name: "inside of a tmpfs", module: withFiles(usr, "{path: /srv, tmpfs: 1M}", "{path: /srv/data/file, access: r}")},
		{name: "inside of a proc", module: withFiles(usr, "{path: /proc, proc: all}", "{path: /proc/self, tmpfs: 1M}"), want: []string{"E603 15"}},
		{name: "two procs", module: withFiles(usr, "{path: /proc, proc: all}", "{path: /tmp/proc, proc: pid}"), want: []string{"E605 15"}},
		{name: "own cgroup without limits", module: withFiles(usr, "{path: /sys/fs/cgroup, cgroup: own}"), want: []string{"E606 14"}, says: "resources"},
		{name: "own cgroup, limits given up", host: aliceInside(),
			module: withFiles(usr, "{path: /sys/fs/cgroup, cgroup: own}") + "resources: {memory.max: 1M}\nbest_effort: [resources]\n"},
		{name: "own cgroup", module: withFiles(usr, "{path: /sys/fs/cgroup, cgroup: own}") + "resources: {memory.max: 1M}\n"},

		{name: "command missing", module: with("command: [/usr/bin/gone]"), want: []string{"E630 8"}, says: "no such file"},
		{name: "command is below a file", module: with("command: [/usr/bin/true/x]"), want: []string{"E630 8"}, says: "not a directory"},
		{name: "command is a directory", module: with("command: [/usr/bin]"), want: []string{"E631 8"}, says: "is a directory"},
		{name: "command is a fifo", module: withFiles(usr, "{path: /run/fifo, access: rx}"),
			change: func(h *fakeHost) { h.files["/usr/bin/true"] = h.files["/run/fifo"] }, want: []string{"E631 8"}, says: "not a regular file"},
		{name: "command not executable", module: with("command: [/usr/bin/plain]"), want: []string{"E631 8"}, says: "chmod +x /usr/bin/plain"},
		{name: "command without a head", module: with("command: [/usr/bin/empty]")},
		{name: "command not listed", module: with("command: [/opt/lang/bin/run]"), want: []string{"E631 8"}, says: "add {path: /opt/lang/bin, access: rx}"},
		{name: "command listed for reading", module: withFiles("{path: /usr, access: r}"), want: []string{"E631 8"}, says: "without execute access"},
		{name: "link out of the list", module: with("command: [/usr/bin/editor]"), want: []string{"E631 8"}, says: "/etc/alternatives/editor"},
		{name: "loader hidden", module: withFiles("{path: /usr/bin/true, access: rx}"), want: []string{"E631 8"}, says: "needs " + loader},
		{name: "loader shown by itself", module: withFiles("{path: /usr/bin/true, access: rx}", "{path: "+loader+", access: rx}")},
		{name: "static", module: withFiles("{path: /usr/bin/true, access: rx}"),
			change: func(h *fakeHost) { h.files["/usr/bin/true"] = h.files["/usr/bin/static"] }},
		{name: "script", module: with("command: [/usr/bin/script]")},
		{name: "script, shell hidden", module: withFiles("{path: /usr/bin/script, access: rx}"), change: func(h *fakeHost) {
			h.files["/usr/bin/true"] = h.files["/usr/bin/script"]
		}, want: []string{"E631 8"}},
		{name: "script, interpreter hidden", module: with("command: [/usr/bin/foreign]"), want: []string{"E631 8"}, says: "needs /opt/lang/bin/run"},
		{name: "interpreters in a circle", module: with("command: [/usr/bin/loop]"), want: []string{"E631 8"}, says: "more than the kernel follows"},
		{name: "several at once", module: with("user: nobody-here", "command: [/usr/bin/gone]", "resources: {cpu.max: 50%}"),
			change: set(func(f *host.Facts) { f.Cgroup = host.CgroupFacts{} }), want: []string{"E610 19", "E613 9", "E630 8"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := tt.host
			if h == nil {
				h = debian()
			}
			if tt.change != nil {
				tt.change(h)
			}
			_, ds := compileWith(t, h, tt.module)
			want := slices.Sorted(slices.Values(tt.want))
			if diff := cmp.Diff(want, places(ds)); diff != "" {
				t.Errorf("diagnostics (- want, + got):\n%s\n%v", diff, ds)
			}
			if !strings.Contains(ds.Error(), tt.says) {
				t.Errorf("%q is not in:\n%v", tt.says, ds)
			}
			for _, d := range ds {
				if d.Pos.File != "web.yaml" || d.Pos.Col == 0 || !strings.HasPrefix(d.Message, "module web: ") {
					t.Errorf("without place or module: %+v", d)
				}
			}
		})
	}
}

func TestUserIsRequiredOfRoot(t *testing.T) {
	module := strings.Replace(plain, "user: web\n", "", 1)
	if _, ds := compileWith(t, debian(), module); !slices.Equal(places(ds), []string{"E612 7"}) {
		t.Errorf("as root: %v", ds)
	}
	res := mustCompile(t, aliceInside(), module)
	if i := slices.IndexFunc(res.Enforcement, func(e Enforcement) bool { return e.Protection == "user" }); i >= 0 {
		t.Errorf("a user is enforced that nobody asked for: %v", res.Enforcement[i])
	}
}

// TestEnforcement compares the report with the host: what the host lacks never reads as enforced.
// TestLandlockReport: what an older Landlock cannot restrict is said.
func TestLandlockReport(t *testing.T) {
	const tcp = "binding and connecting the sockets it inherits (needs 4)"
	const abstract = "abstract unix sockets of the network that it shares (needs 6)"
	for _, tt := range []struct {
		abi   int
		lines []string
		want  string
	}{
		{7, nil, "ABI 7, 5 paths, no TCP connections and no binding"},
		{4, nil, "ABI 4, 5 paths, no TCP connections and no binding; it does not restrict ioctl on devices (needs 5)"},
		{3, nil, "ABI 3, 5 paths; it does not restrict " + tcp + ", ioctl on devices (needs 5)"},
		{2, nil, "ABI 2, 5 paths; it does not restrict shortening files (needs 3), " + tcp + ", ioctl on devices (needs 5)"},
		{2, []string{"network: {mode: host}", "namespaces: [mount, pid, ipc, uts, cgroup]"}, "ABI 2, 5 paths; it does not restrict shortening files (needs 3), ioctl on devices (needs 5), " + abstract},
		{5, []string{"namespaces: [mount, ipc, uts, cgroup, network]"}, "ABI 5, 4 paths, no TCP connections and no binding; it does not restrict signals to processes outside (needs 6)"},
		{6, []string{"network: {mode: host}", "namespaces: [mount, ipc, uts, cgroup]"}, "ABI 6, 4 paths"},
	} {
		h := debian()
		h.facts.Landlock.ABI = tt.abi
		text := with(tt.lines...)
		if strings.Contains(tt.want, "signals") || tt.abi == 6 { // without a pid namespace there is no proc
			text = strings.Replace(text, "  - {path: /proc, proc: pid}\n", "", 1)
		}
		res := mustCompile(t, h, text)
		all := res.Enforcement
		i := slices.IndexFunc(all, func(e Enforcement) bool { return e.Protection == "landlock" })
		if i < 0 || all[i].Detail != tt.want || all[i].Level != Enforced {
			t.Errorf("%+v\nwant %s", all, tt.want)
		}
		for _, p := range res.Program.Prepare {
			if p.Kind == program.Ruleset && (p.Scoped == unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET|unix.LANDLOCK_SCOPE_SIGNAL) != (tt.abi >= 6) {
				t.Errorf("ABI %d: scopes %#x", tt.abi, p.Scoped)
			}
		}
	}
}

func TestEnforcement(t *testing.T) {
	tests := []struct {
		name       string
		host       *fakeHost
		change     func(*host.Facts)
		bestEffort string
		want       map[string]Level // all others are enforced
	}{
		{name: "all", host: debian()},
		{name: "ordinary user", host: aliceInside(), bestEffort: "[resources]",
			want: map[string]Level{"user": Degraded, "memory.max": Missing, "pids.max": Missing}},
		{name: "no landlock", host: debian(), change: func(f *host.Facts) { f.Landlock = host.LandlockFacts{Errno: unix.ENOSYS} },
			bestEffort: "[landlock]", want: map[string]Level{"landlock": Missing}},
		{name: "no network namespaces", host: debian(), change: func(f *host.Facts) { f.Namespaces &^= unix.CLONE_NEWNET },
			bestEffort: "[network]", want: map[string]Level{"network": Missing}},
		{name: "no seccomp", host: debian(), change: func(f *host.Facts) { f.Seccomp = 0 }, bestEffort: "[seccomp]", want: map[string]Level{"seccomp": Missing}},
		{name: "no pids controller", host: debian(), change: func(f *host.Facts) { f.Cgroup.V2.Controllers &^= host.Pids },
			bestEffort: "[pids.max]", want: map[string]Level{"pids.max": Missing}},
	}
	all := []string{"mount", "pid", "ipc", "uts", "cgroup", "network", "seccomp", "landlock", "memory.max", "pids.max", "capabilities", "user"}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.change != nil {
				tt.change(&tt.host.facts)
			}
			lines := []string{"resources: {memory.max: 1M, pids.max: 9}"}
			if tt.bestEffort != "" {
				lines = append(lines, "best_effort: "+tt.bestEffort)
			}
			res := mustCompile(t, tt.host, with(lines...))
			got, want := map[string]Level{}, map[string]Level{}
			for _, name := range all {
				want[name] = tt.want[name]
			}
			for _, e := range res.Enforcement {
				if _, twice := got[e.Protection]; twice {
					t.Errorf("%s is reported twice", e.Protection)
				}
				got[e.Protection] = e.Level
				if e.Detail == "" {
					t.Errorf("%s is %s without a detail", e.Protection, e.Level)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("enforcement (- want, + got):\n%s", diff)
			}
		})
	}
}

// TestMissingIsLeftOut looks for the steps of a protection that the host lacks and the policy gives up: they would fail.
func TestMissingIsLeftOut(t *testing.T) {
	tests := []struct {
		name, bestEffort, absent string
		change                   func(*host.Facts)
	}{
		{"landlock", "[landlock]", "landlock_", func(f *host.Facts) { f.Landlock = host.LandlockFacts{Errno: unix.ENOSYS} }},
		{"seccomp", "[seccomp]", "seccomp(", func(f *host.Facts) { f.Seccomp = 0 }},
		{"uts", "[uts]", "sethostname(", func(f *host.Facts) { f.Namespaces &^= unix.CLONE_NEWUTS }},
		{"network", "[network]", "CLONE_NEWNET", func(f *host.Facts) { f.Namespaces &^= unix.CLONE_NEWNET }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := debian()
			if text := whole(t, mustCompile(t, h, plain)); !strings.Contains(text, tt.absent) {
				t.Fatalf("%q is not even there on a host that has everything:\n%s", tt.absent, text)
			}
			tt.change(&h.facts)
			res := mustCompile(t, h, with("best_effort: "+tt.bestEffort))
			if text := whole(t, res); strings.Contains(text, tt.absent) {
				t.Errorf("%q is still there:\n%s", tt.absent, text)
			}
		})
	}
}

func TestFilterErrors(t *testing.T) {
	for name, f := range map[string]*fakeFilters{"module": {moduleErr: errBroken}, "init": {initErr: errBroken}} {
		t.Run(name, func(t *testing.T) {
			res, ds := compileWith(t, debian(), plain, func(r *Request) { r.Filters = f })
			if res != nil || len(ds) != 1 || ds[0].Code != "E620" || !strings.Contains(ds[0].Message, errBroken.Error()) {
				t.Errorf("%v", ds)
			}
		})
	}
}

// TestFiltersSeeThePolicy: nothing is taken from or added to what the policy allows on its way to the compiler.
func TestFiltersSeeThePolicy(t *testing.T) {
	f := &fakeFilters{}
	p := parse(t, plain)
	if _, ds := Compile(Request{Policy: p, Module: p.Modules[0], Host: debian(), Filters: f}); len(ds) > 0 {
		t.Fatal(ds)
	}
	if diff := cmp.Diff([]policy.Seccomp{p.Modules[0].Seccomp}, f.modules); diff != "" {
		t.Errorf("section (- policy, + compiler):\n%s", diff)
	}
	if !slices.Equal(f.initCalls, InitCalls) {
		t.Errorf("init's calls are %v", f.initCalls)
	}
}

func TestLevelString(t *testing.T) {
	for level, want := range map[Level]string{Enforced: "enforced", Degraded: "degraded", Missing: "missing"} {
		if level.String() != want {
			t.Errorf("%d is %s", level, level)
		}
	}
	if errors.Is(errBroken, unix.ENOENT) {
		t.Error("the error of these tests must not look like a missing file")
	}
}
