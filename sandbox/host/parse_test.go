package host

import (
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

func TestParseStatus(t *testing.T) {
	const text = "Name:\tx: SigIgn:\nSeccomp:\t2\nNoNewPrivs:\t1\nSigIgn:\t0000000000001000\n" +
		"CapPrm:\t000001fffeffffff\nCapEff:\t0000000000000400\nCapBnd:\t000001ffffffffff\nSeccomp_filters:\t1\n"
	var f Facts
	if err := parseStatus(text, &f); err != nil {
		t.Fatal(err)
	}
	want := Facts{SigIgn: 1 << 12, SeccompMode: 2, NoNewPrivs: true,
		Capabilities: CapabilityFacts{Effective: 1 << 10, Permitted: 1<<41 - 1 - 1<<24, Bounding: 1<<41 - 1}}
	if f != want {
		t.Errorf("got %+v", f)
	}
	if !f.Capabilities.Has(unix.CAP_NET_BIND_SERVICE) || f.Capabilities.Has(unix.CAP_SYS_ADMIN) {
		t.Error("the effective capabilities are read wrongly")
	}
	for _, bad := range []string{"", "SigIgn:\t0\nCapPrm:\t0\nCapEff:\t0\n", "SigIgn:\tx\nCapPrm:\t0\nCapEff:\t0\nCapBnd:\t0\n"} {
		if err := parseStatus(bad, &f); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestParseRelease(t *testing.T) {
	for release, want := range map[string]policy.KernelVersion{
		"6.1.0-28-cloud-amd64": {Major: 6, Minor: 1}, "6.18.44": {Major: 6, Minor: 18}, "5.15": {Major: 5, Minor: 15}, "7.0-rc1": {Major: 7},
		"": {}, "six": {}, "6": {}, "6.": {}, "6.x": {}, ".1": {},
	} {
		got, err := parseRelease(release)
		if got != want || (err == nil) != (want.Major != 0) {
			t.Errorf("%q: %v, %v", release, got, err)
		}
	}
}

func TestParseMounts(t *testing.T) {
	const text = `36 35 98:0 /mnt1 /mnt\0402 rw,noatime master:1 shared:4 - ext3 /dev/root rw,errors=continue
37 36 0:21 / /a\134b ro - proc proc rw
broken
x 36 0:21 / /a rw - proc proc rw
38 36 0:21 / /c rw - nothing
`
	want := []mount{
		{36, 35, "/mnt1", "/mnt 2", "rw,noatime", "ext3", "rw,errors=continue"},
		{37, 36, "/", `/a\b`, "ro", "proc", "rw"},
	}
	if diff := cmp.Diff(want, parseMounts(text), cmp.AllowUnexported(mount{})); diff != "" {
		t.Error(diff)
	}
}

func FuzzParseMounts(f *testing.F) {
	f.Add(`36 35 98:0 /mnt1 /mnt\0402 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`)
	f.Add(`1 2 0:0 /\ /\04 \9 - a b c`)
	f.Fuzz(func(t *testing.T, text string) {
		mounts := parseMounts(text)
		procFacts(mounts)
		cgroupFacts(mounts, parseGroups(text))
	})
}

func TestProcFacts(t *testing.T) {
	proc := mount{id: 2, parent: 1, root: "/", point: "/proc", options: "rw", fstype: "proc"}
	over := func(path string) mount { return mount{id: 9, parent: 2, root: "/", point: path, fstype: "tmpfs"} }
	readOnly := proc
	readOnly.options = "ro,nosuid"
	part := proc
	part.root = "/sys"
	second := mount{id: 3, parent: 1, root: "/", point: "/other", options: "rw", fstype: "proc"}
	for _, test := range []struct {
		name   string
		mounts []mount
		want   ProcFacts
	}{
		{"none", nil, ProcFacts{}},
		{"whole", []mount{proc}, ProcFacts{Mounted: true}},
		{"masked", []mount{proc, over("/proc/kcore")}, ProcFacts{Mounted: true, Masked: "/proc/kcore"}},
		{"over an empty directory", []mount{proc, over("/proc/sys/fs/binfmt_misc")}, ProcFacts{Mounted: true}},
		{"both", []mount{proc, over("/proc/sys/fs/binfmt_misc"), over("/proc/kcore")}, ProcFacts{Mounted: true, Masked: "/proc/kcore"}},
		{"read-only", []mount{readOnly}, ProcFacts{Mounted: true, ReadOnly: true}},
		{"masked, another is whole", []mount{proc, over("/proc/kcore"), second}, ProcFacts{Mounted: true}},
		{"masked, another is read-only", []mount{readOnly, {id: 3, parent: 1, root: "/", point: "/other", fstype: "proc"},
			{id: 9, parent: 3, point: "/other/kcore"}}, ProcFacts{Mounted: true, ReadOnly: true}},
		{"a part", []mount{part}, ProcFacts{}},
	} {
		if got := procFacts(test.mounts); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

func TestCgroupFacts(t *testing.T) {
	for _, test := range []struct {
		name, mounts, groups string
		want                 CgroupFacts
	}{
		{"systemd, version 2",
			"30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
			"0::/user.slice/user-1000.slice/session-3.scope\n",
			CgroupFacts{V2: Hierarchy{Version: 2, Mount: "/sys/fs/cgroup", Group: "/user.slice/user-1000.slice/session-3.scope",
				Dir: "/sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope"}}},
		{"hybrid with a joint mount",
			"31 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n" +
				"32 30 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n" +
				"33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n" +
				"34 30 0:30 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n",
			"3:cpu,cpuacct:/job\n2:pids:/a:b\n1:name=systemd:/x\n0::/\n",
			CgroupFacts{
				V2:   Hierarchy{Version: 2, Mount: "/sys/fs/cgroup/unified", Group: "/", Dir: "/sys/fs/cgroup/unified"},
				CPU:  Hierarchy{Version: 1, Mount: "/sys/fs/cgroup/cpu,cpuacct", Group: "/job", Dir: "/sys/fs/cgroup/cpu,cpuacct/job", Controllers: CPU, ReadOnly: true},
				Pids: Hierarchy{Version: 1, Mount: "/sys/fs/cgroup/pids", Group: "/a:b", Dir: "/sys/fs/cgroup/pids/a:b", Controllers: Pids}}},
		{"container without a cgroup namespace",
			"31 30 0:27 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/docker/abc/init\n",
			CgroupFacts{V2: Hierarchy{Version: 2, Mount: "/sys/fs/cgroup", Group: "/docker/abc/init", Dir: "/sys/fs/cgroup/init"}}},
		{"a similar name", "31 30 0:27 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/docker/abcd\n",
			CgroupFacts{V2: Hierarchy{Version: 2, Mount: "/sys/fs/cgroup", Group: "/docker/abcd"}}},
		{"outside of the cgroup namespace", "31 30 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/../other\n",
			CgroupFacts{V2: Hierarchy{Version: 2, Mount: "/sys/fs/cgroup", Group: "/../other"}}},
		{"a group that was removed", "31 30 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/x (deleted)\n",
			CgroupFacts{V2: Hierarchy{Version: 2, Mount: "/sys/fs/cgroup", Group: "/x (deleted)"}}},
		{"mounted twice, a part first", "31 30 0:27 /x /part rw - cgroup2 cgroup2 rw\n32 30 0:27 / /whole rw - cgroup2 cgroup2 rw\n" +
			"33 30 0:27 /y /other rw - cgroup2 cgroup2 rw\n", "0::/z\n",
			CgroupFacts{V2: Hierarchy{Version: 2, Mount: "/whole", Group: "/z", Dir: "/whole/z"}}},
		{"nothing", "31 30 0:27 / /sys rw - sysfs sysfs rw\n", "0::/\n", CgroupFacts{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := cgroupFacts(parseMounts(test.mounts), parseGroups(test.groups))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCgroupFor(t *testing.T) {
	f := CgroupFacts{V2: Hierarchy{Version: 2, Mount: "/2", Controllers: Pids}, Memory: Hierarchy{Version: 1, Mount: "/1"}, Pids: Hierarchy{Version: 1, Mount: "/p"}}
	for c, want := range map[ControllerSet]string{Pids: "/2", Memory: "/1", CPU: ""} {
		if h, ok := f.For(c); h.Mount != want || ok != (want != "") {
			t.Errorf("%s: %+v, %v", c, h, ok)
		}
	}
}

func TestSets(t *testing.T) {
	if got := ParseControllers("cpuset cpu io memory\n").String(); got != "{memory, cpu, cpuset, io}" {
		t.Error(got)
	}
	if got := ControllerSet(0).String(); got != "∅" {
		t.Error(got)
	}
	if got := (Errno | Allow).String(); got != "{errno, allow}" {
		t.Error(got)
	}
	if got := ActionSet(1<<8 - 1).String(); got != "{kill_process, kill_thread, trap, errno, user_notif, trace, log, allow}" {
		t.Error(got)
	}
	if got := Availability(9).String(); got != "Availability(9)" {
		t.Error(got)
	}
}

// TestVisible: what was mounted over is not found, whatever mountinfo still lists.
func TestVisible(t *testing.T) {
	const (
		root  = "1 0 0:1 / / rw - ext4 /dev/vda rw\n"
		sys   = "2 1 0:2 / /sys rw - sysfs sysfs rw\n"
		tree  = "3 2 0:3 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
		pids  = "4 3 0:4 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
		other = "5 1 0:5 / /sys2 rw - tmpfs tmpfs rw\n"
	)
	for _, c := range []struct{ name, text, want string }{
		{"as they were made", root + sys + tree + pids + other, "1 2 3 4 5"},
		{"over /sys", root + sys + tree + pids + "6 2 0:6 / /sys rw - tmpfs none rw\n", "1 6"},
		{"over the groups", root + sys + tree + pids + "6 3 0:6 / /sys/fs/cgroup rw - tmpfs none rw\n", "1 2 6"},
		{"over one of them, twice", root + sys + tree + pids + "6 4 0:6 / /sys/fs/cgroup/pids rw - tmpfs none rw\n7 6 0:4 / /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids\n", "1 2 3 7"},
		{"in a chroot, whose root is no mount", "3 77 0:3 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n4 3 0:4 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n", "3 4"},
		{"a loop", "1 2 0:1 / /a rw - tmpfs a rw\n2 1 0:1 / /b rw - tmpfs b rw\n", "1 2"},
	} {
		var got []string
		for _, m := range visible(parseMounts(c.text)) {
			got = append(got, strconv.Itoa(m.id))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
		}
	}
}
