package host

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

const everyNamespace = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWNET |
	unix.CLONE_NEWCGROUP | unix.CLONE_NEWUSER | unix.CLONE_NEWTIME

// debian12 is root on a Debian 12 with systemd, logged in over ssh.
func debian12() Facts {
	return Facts{
		Release: "6.1.0-28-amd64", Kernel: policy.KernelVersion{Major: 6, Minor: 1}, Machine: "x86_64",
		OverflowUID: 65534, OverflowGID: 65534, MemfdNoexec: -1,
		Capabilities: CapabilityFacts{Effective: 1<<41 - 1, Permitted: 1<<41 - 1, Bounding: 1<<41 - 1, Last: 40},
		Seccomp:      1<<8 - 1,
		Landlock:     LandlockFacts{ABI: 2},
		UserNS:       UserNSFacts{Initial: true, Max: 63000, UnprivilegedClone: 1, AppArmorRestricts: -1},
		Namespaces:   everyNamespace,
		Cgroup: CgroupFacts{V2: Hierarchy{Version: 2, Mount: "/sys/fs/cgroup", Group: "/user.slice/user-0.slice/session-1.scope",
			Dir:         "/sys/fs/cgroup/user.slice/user-0.slice/session-1.scope",
			Controllers: Memory | Pids | CPU | CPUSet | IO, Place: "/sys/fs/cgroup/user.slice/user-0.slice", Offers: Memory | Pids | CPU | CPUSet | IO}},
		Proc:     ProcFacts{Mounted: true},
		MountAPI: true, IntoCgroup: true, Pidfd: true, Tried: true,
	}
}

// ordinary is the same host for user 1000 without delegation, on a newer kernel.
func ordinary() Facts {
	f := debian12()
	f.Release, f.Kernel = "6.18.3-amd64", policy.KernelVersion{Major: 6, Minor: 18}
	f.UID, f.EUID, f.GID, f.EGID = 1000, 1000, 1000, 1000
	f.Capabilities.Effective, f.Capabilities.Permitted = 0, 0
	f.Landlock.ABI, f.MemfdNoexec = 7, 0
	f.Cgroup.V2.Dir = "/sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope"
	f.Cgroup.V2.Place, f.Cgroup.V2.Offers, f.Cgroup.V2.Errno = "", 0, unix.EACCES
	return f
}

// delegated is an ordinary user in a scope of systemd --user, whose slice hands down memory and pids but not cpu.
func delegated() Facts {
	f := ordinary()
	f.Cgroup.V2.Place, f.Cgroup.V2.Offers, f.Cgroup.V2.Errno = "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice", Memory|Pids, 0
	return f
}

// ubuntu2404 is an ordinary user whose user namespaces bring no capabilities.
func ubuntu2404() Facts {
	f := ordinary()
	f.Release, f.Kernel = "6.8.0-51-generic", policy.KernelVersion{Major: 6, Minor: 8}
	f.Landlock.ABI = 4
	f.UserNS.AppArmorRestricts, f.UserNS.Errno, f.UserNS.InsideFailed = 1, unix.EPERM, true
	return f
}

// hybrid is root on a host with version 1 controllers and an empty version 2.
func hybrid() Facts {
	f := debian12()
	f.Cgroup = CgroupFacts{V2: Hierarchy{Version: 2, Mount: "/sys/fs/cgroup/unified", Dir: "/sys/fs/cgroup/unified", Place: "/sys/fs/cgroup/unified"}}
	for c, h := range map[ControllerSet]*Hierarchy{Memory: &f.Cgroup.Memory, Pids: &f.Cgroup.Pids, CPU: &f.Cgroup.CPU,
		Freezer: &f.Cgroup.Freezer, CPUSet: &f.Cgroup.CPUSet, IO: &f.Cgroup.IO} {
		dir := "/sys/fs/cgroup/" + c.Name(1)
		*h = Hierarchy{Version: 1, Mount: dir, Dir: dir, Controllers: c, Place: dir, Offers: c}
	}
	return f
}

func with(f Facts, change func(*Facts)) Facts {
	change(&f)
	return f
}

func TestReport(t *testing.T) {
	type row struct {
		name   string
		is     Availability
		detail string // a part of it
		enable string // a part of it
	}
	const asRoot = "run the supervisor as root"
	for _, test := range []struct {
		name  string
		facts Facts
		want  []row // not listed: Yes
	}{
		{"Debian 12, root", debian12(), []row{
			{"landlock truncate", No, "needs version 3, this kernel has 2; without it Landlock does not restrict shortening files", "Linux 6.2 or newer"},
			{"landlock network", No, "needs version 4", "Linux 6.7"},
			{"landlock ioctl_dev", No, "needs version 5", "Linux 6.10"},
			{"landlock scope", No, "needs version 6", "Linux 6.12"},
			{"landlock audit", No, "needs version 7", "Linux 6.15"},
		}},
		{"6.18, ordinary user", ordinary(), []row{
			{"cgroup memory.max", No, "version 2: no permission to make groups in /sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope", "systemd-run --user"},
			{"cgroup pids.max", No, "no permission", "Delegate=yes"},
			{"cgroup cpu.max", No, "no permission", "Delegate=yes"},
			{"cgroup cpuset.cpus", No, "no permission", "Delegate=yes"},
			{"cgroup io.max", No, "no permission", "Delegate=yes"}, {"cgroup io.weight", No, "no permission", "Delegate=yes"},
			{"cgroup freeze", No, "no permission", "Delegate=yes"},
			{"cgroup kill", Partly, "with a pid namespace the end of its init ends them all", "Delegate=yes"},
			{"birth in a cgroup", No, "a child joins its group before", "may be written"},
			{"separate users", No, "all modules run as user 1000", asRoot},
		}},
		{"6.18, ordinary user with delegation", delegated(), []row{
			{"cgroup cpu.max", No, "app.slice does not hand the controller cpu down", "Delegate=yes"},
			{"cgroup cpuset.cpus", No, "app.slice does not hand the controller cpuset down", "Delegate=yes"},
			{"cgroup io.max", No, "app.slice does not hand the controller io down", "Delegate=yes"}, {"cgroup io.weight", No, "app.slice does not hand the controller io down", "Delegate=yes"},
			{"separate users", No, "all modules run as user 1000", asRoot},
		}},
		{"Ubuntu 24.04, ordinary user", ubuntu2404(), []row{
			{"user namespace", No, "AppArmor takes the capabilities in it away", "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"},
			{"mount namespace", No, "needs CAP_SYS_ADMIN or a user namespace", asRoot},
			{"pid namespace", No, "needs CAP_SYS_ADMIN", asRoot},
			{"ipc namespace", No, "needs CAP_SYS_ADMIN", asRoot},
			{"uts namespace", No, "needs CAP_SYS_ADMIN", asRoot},
			{"network namespace", No, "needs CAP_SYS_ADMIN", asRoot},
			{"cgroup namespace", No, "needs CAP_SYS_ADMIN", asRoot},
			{"time namespace", No, "needs CAP_SYS_ADMIN", asRoot},
			{"own root", No, "pivot_root needs", asRoot},
			{"own /proc", No, "needs mount and pid namespaces", ""},
			{"init of a pid namespace", No, "needs a pid namespace", ""},
			{"cgroup memory.max", No, "no permission", "Delegate=yes"},
			{"cgroup pids.max", No, "no permission", "Delegate=yes"},
			{"cgroup cpu.max", No, "no permission", "Delegate=yes"},
			{"cgroup cpuset.cpus", No, "no permission", "Delegate=yes"},
			{"cgroup io.max", No, "no permission", "Delegate=yes"}, {"cgroup io.weight", No, "no permission", "Delegate=yes"},
			{"cgroup freeze", No, "no permission", "Delegate=yes"},
			{"cgroup kill", No, "no permission", "Delegate=yes"},
			{"birth in a cgroup", No, "", "may be written"},
			{"separate users", No, "user 1000", asRoot},
			{"capabilities", Partly, "the bounding set cannot be reduced", asRoot},
			{"securebits", No, "needs CAP_SETPCAP", asRoot},
			{"landlock ioctl_dev", No, "needs version 5, this kernel has 4", "Linux 6.10"},
			{"landlock scope", No, "needs version 6", ""},
			{"landlock audit", No, "needs version 7", ""},
		}},
		{"the switch of Debian's kernel", with(ordinary(), func(f *Facts) {
			f.UserNS.UnprivilegedClone, f.UserNS.Errno = 0, unix.EPERM
			f.Capabilities.Effective = 1<<41 - 1 // so that little else changes
			f.Capabilities.Effective &^= 1 << unix.CAP_SYS_ADMIN
			f.Cgroup = debian12().Cgroup
		}), []row{
			{"user namespace", No, "kernel.unprivileged_userns_clone is 0", "sysctl -w kernel.unprivileged_userns_clone=1"},
			{"mount namespace", No, "", asRoot}, {"pid namespace", No, "", asRoot}, {"ipc namespace", No, "", asRoot},
			{"uts namespace", No, "", asRoot}, {"network namespace", No, "", asRoot}, {"cgroup namespace", No, "", asRoot},
			{"time namespace", No, "", asRoot},
			{"own root", No, "", ""}, {"own /proc", No, "", ""}, {"init of a pid namespace", No, "", ""},
		}},
		{"no Landlock at boot", with(delegated(), func(f *Facts) {
			f.Landlock = LandlockFacts{Errno: unix.EOPNOTSUPP}
			f.Cgroup.V2.Offers |= CPU | CPUSet | IO
		}), []row{
			{"landlock", No, "switched off when the kernel started", "add landlock to the lsm= list"},
			{"landlock refer", No, "no Landlock, which would restrict moving", "see landlock"},
			{"landlock truncate", No, "", ""}, {"landlock network", No, "", ""}, {"landlock ioctl_dev", No, "", ""},
			{"landlock scope", No, "", ""}, {"landlock audit", No, "", ""},
			{"separate users", No, "", ""},
		}},
		{"weights", with(hybrid(), func(f *Facts) {
			f.Landlock.ABI, f.Weighing = 7, Weighing{Lacks: "none has the I/O scheduler bfq", Enable: "echo bfq >/sys/block/sda/queue/scheduler"}
		}), []row{{"cgroup io.weight", No, "none has the I/O scheduler bfq", "echo bfq >/sys/block/sda/queue/scheduler"}}},
		{"hybrid, root", with(hybrid(), func(f *Facts) { f.Landlock.ABI = 7 }), nil},
		{"version 1, root", with(hybrid(), func(f *Facts) {
			f.Landlock.ABI = 7
			f.Cgroup.V2 = Hierarchy{}
		}), []row{{"birth in a cgroup", No, "no version 2 hierarchy is mounted", "Linux 5.7"}}},
		{"a container's filter, root", with(hybrid(), func(f *Facts) {
			f.Landlock.ABI, f.SeccompMode, f.MountAPI = 7, 2, false
			f.Clone3, f.UserNS.Errno = unix.ENOSYS, unix.ENOSYS
		}), []row{
			{"launch", No, "a seccomp filter that this process is under refuses clone3 (function not implemented)", "docker run --security-opt seccomp=PROFILE"},
			{"user namespace", No, "under a seccomp filter", "see launch"},
			{"mount namespace", No, "no process can be made", "see launch"}, {"pid namespace", No, "no process", ""}, {"ipc namespace", No, "no process", ""},
			{"uts namespace", No, "no process", ""}, {"network namespace", No, "no process", ""}, {"cgroup namespace", No, "no process", ""},
			{"time namespace", No, "no process", ""}, {"own root", No, "refuses open_tree", "see launch"}, {"own /proc", No, "", ""},
			{"init of a pid namespace", No, "", ""}, {"session keyring", No, "no process", ""},
		}},
		{"a security module that refuses some", with(hybrid(), func(f *Facts) {
			f.Landlock.ABI, f.Keyring = 7, unix.EACCES
			for i, ns := range namespaceFiles {
				switch ns.kind {
				case unix.CLONE_NEWNET:
					f.Refused[i] = unix.ENOSPC
				case unix.CLONE_NEWUTS:
					f.Refused[i] = unix.EACCES
				}
			}
		}), []row{
			{"network namespace", No, "the limit on their number", "sysctl -w user.max_net_namespaces=10000"},
			{"uts namespace", No, "refused: permission denied", "security module"},
			{"session keyring", No, "refused: permission denied", "sysctl"},
		}},
		{"root in a user namespace, without a mount namespace of it", with(hybrid(), func(f *Facts) {
			f.Landlock.ABI, f.UserNS.Initial, f.UserNS.Max, f.UserNS.Errno, f.ForeignMounts = 7, false, 0, unix.ENOSPC, true
		}), []row{
			{"user namespace", No, "user.max_user_namespaces is 0", "sysctl -w user.max_user_namespaces=10000"},
			{"own root", No, "belongs to another user namespace", "unshare --mount supervisor"},
			{"own /proc", No, "", ""}, {"init of a pid namespace", No, "", ""}, {"separate users", No, "", ""},
		}},
		{"container that hides", with(ordinary(), func(f *Facts) {
			f.Capabilities = debian12().Capabilities
			f.UserNS.Initial = false
			f.Proc.Masked = "/proc/kcore"
			f.Cgroup.V2.ReadOnly = true
			f.SeccompMode = 2
			f.SetgroupsDenied = true
			f.MountAPI = false
			f.MemfdNoexec = 2
		}), []row{
			{"own root", No, "a seccomp filter that this process is under refuses open_tree", "mount_setattr"},
			{"own /proc", No, "may not mount what this host hides: /proc/kcore", "umount /proc/kcore"},
			{"init of a pid namespace", No, "vm.memfd_noexec is 2", "sysctl -w vm.memfd_noexec=1"},
			{"cgroup memory.max", No, "/sys/fs/cgroup is mounted read-only", "mount -o remount,rw,bind /sys/fs/cgroup"},
			{"cgroup pids.max", No, "read-only", ""}, {"cgroup cpu.max", No, "read-only", ""}, {"cgroup cpuset.cpus", No, "read-only", ""},
			{"cgroup io.max", No, "read-only", ""}, {"cgroup io.weight", No, "read-only", ""},
			{"cgroup freeze", No, "read-only", ""},
			{"cgroup kill", Partly, "read-only", ""}, {"birth in a cgroup", No, "", ""},
			{"separate users", No, "inside a user namespace", asRoot},
		}},
		{"old kernel", with(hybrid(), func(f *Facts) {
			f.Kernel = policy.KernelVersion{Major: 4, Minor: 4}
			f.Landlock = LandlockFacts{Errno: unix.ENOSYS}
			f.MountAPI, f.IntoCgroup, f.Pidfd = false, false, false
			f.Seccomp = KillThread | Trap | Errno | Trace | Allow
			f.Namespaces &^= unix.CLONE_NEWCGROUP
			f.Cgroup = CgroupFacts{}
		}), []row{
			{"cgroup namespace", No, "the kernel has none", "CONFIG_CGROUPS=y"},
			{"own root", No, "", "Linux 5.12"},
			{"cgroup memory.max", No, "no mounted hierarchy has the controller memory", "mount -t cgroup2"},
			{"cgroup pids.max", No, "controller pids", ""}, {"cgroup cpu.max", No, "controller cpu", ""}, {"cgroup cpuset.cpus", No, "controller cpuset", ""},
			{"cgroup io.max", No, "controller io", ""}, {"cgroup io.weight", No, "controller io", ""},
			{"cgroup freeze", No, "no hierarchy is mounted", "mount -t cgroup2"},
			{"time namespace", No, "does not put a process into one", "Linux 6.1"},
			{"cgroup kill", Partly, "no hierarchy is mounted", ""},
			{"birth in a cgroup", No, "", ""},
			{"pidfd", No, "pidfd_open is not there", "Linux 5.3"},
			{"landlock", No, "this kernel is too old for it", "Linux 5.13"},
			{"landlock refer", No, "", ""}, {"landlock truncate", No, "", ""}, {"landlock network", No, "", ""},
			{"landlock ioctl_dev", No, "", ""}, {"landlock scope", No, "", ""}, {"landlock audit", No, "", ""},
			{"seccomp", Partly, "without the actions {kill_process, log}", "Linux 4.14"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := map[string]Protection{}
			for _, p := range Report(test.facts) {
				if _, twice := got[p.Name]; twice {
					t.Errorf("%s is there twice", p.Name)
				}
				if p.Detail == "" || (p.Available == Yes) != (p.Enable == "") {
					t.Errorf("%+v: there must be a detail, and a step to enable exactly what is not there", p)
				}
				got[p.Name] = p
			}
			for _, w := range test.want {
				p := got[w.name]
				if p.Name == "" || p.Available != w.is || !strings.Contains(p.Detail, w.detail) || !strings.Contains(p.Enable, w.enable) {
					t.Errorf("got %+v, want %+v", p, w)
				}
				delete(got, w.name)
			}
			for _, p := range got {
				if p.Available != Yes {
					t.Errorf("unexpected: %+v", p)
				}
			}
		})
	}
}

// TestUserNamespaceAnswers goes through what the kernel can say to a try.
func TestUserNamespaceAnswers(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Facts)
		detail string
	}{
		{"none", func(f *Facts) { f.Namespaces &^= unix.CLONE_NEWUSER }, "the kernel has none"},
		{"limit 0", func(f *Facts) { f.UserNS.Max, f.UserNS.Errno = 0, unix.ENOSPC }, "user.max_user_namespaces is 0"},
		{"limit", func(f *Facts) { f.UserNS.Errno = unix.ENOSPC }, "limit on their number or depth"},
		{"filter", func(f *Facts) { f.UserNS.Errno, f.SeccompMode = unix.EPERM, 2 }, "under a seccomp filter"},
		{"security module", func(f *Facts) { f.UserNS.Errno, f.UserNS.InsideFailed = unix.EACCES, true }, "brings no capabilities"},
		{"unknown", func(f *Facts) { f.UserNS.Errno = unix.EPERM }, "refused: operation not permitted"},
		{"not tried", func(f *Facts) { f.Tried = false }, "not tried"},
		{"fine", func(*Facts) {}, "tried: a child made one"},
	} {
		if p := userNamespaces(with(ordinary(), test.change)); !strings.Contains(p.Detail, test.detail) {
			t.Errorf("%s: %+v", test.name, p)
		}
	}
}

// TestFactsAreComparable keeps the type so: it does not compile otherwise.
func TestFactsAreComparable(t *testing.T) {
	if debian12() != debian12() || debian12() == ordinary() {
		t.Error("equality of facts means nothing")
	}
}

// TestReportWithoutMaps: in a user namespace that nobody has mapped a user into, what is missing is the map.
func TestReportWithoutMaps(t *testing.T) {
	f := ordinary()
	f.UID, f.EUID, f.Tried, f.UserNS = 65534, 65534, true, UserNSFacts{Max: -1, UnprivilegedClone: -1, AppArmorRestricts: -1, Errno: unix.EPERM}
	for _, p := range Report(f) {
		switch p.Name {
		case "user namespace":
			if p.Available != No || !strings.Contains(p.Detail, "has no maps") || !strings.Contains(p.Enable, "unshare --user --map-root-user supervisor") {
				t.Errorf("%+v", p)
			}
		case "separate users":
			if p.Available != No || !strings.Contains(p.Detail, "without maps") {
				t.Errorf("%+v", p)
			}
		}
	}
}
