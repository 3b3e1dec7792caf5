package systemd

import (
	"errors"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// TestRoundTrip: what comes back of a policy that was exported answers every call as it does, but for what the notes say: numbers that no table
// has, execve, calls that systemd does not know, and those of which the unit lets more through.
func TestRoundTrip(t *testing.T) {
	for name, p := range shipped(t) {
		t.Run(name, func(t *testing.T) {
			back, exported := again(t, p, Options{})
			said := ""
			for _, n := range exported {
				said += n.Text + "\n"
			}
			for i, m := range p.Modules {
				b := back.Modules[i]
				compareCalls(t, m.Seccomp, b.Seccomp, said)
				compareFiles(t, m, b)
				if m.User.V != b.User.V || m.DynamicUser.V != b.DynamicUser.V || len(m.Capabilities) != len(b.Capabilities) || len(m.Rlimits) != len(b.Rlimits) ||
					m.StopSignal.V != b.StopSignal.V || m.StopGracePeriod.V != b.StopGracePeriod.V || m.Health.Kind.V != b.Health.Kind.V && !strings.Contains(said, "the healthcheck is not carried") ||
					m.Network.V != b.Network.V ||
					m.Restart.Policy.V != b.Restart.Policy.V || m.Restart.Delay.V != b.Restart.Delay.V || len(m.Environment) != len(b.Environment)-nginx(m) {
					t.Errorf("%+v\ncame back as\n%+v", m, b)
				}
				for j, c := range m.Command {
					if b.Command[j].V != c.V {
						t.Errorf("word %d of the command: %q, %q", j, c.V, b.Command[j].V)
					}
				}
				for j, r := range m.Resources {
					if got := b.Resources[j]; got.Key != r.Key || got.Limit != r.Limit || got.Period != r.Period {
						t.Errorf("%+v, %+v", r, got)
					}
				}
			}
		})
	}
}

// nginx counts the variables that the export adds.
func nginx(m policy.Module) int {
	if m.ListenerProtocol.V == "nginx" && len(m.Listeners) > 0 {
		return 1
	}
	return 0
}

// compareFiles compares the lists that a unit can carry.
func compareFiles(t *testing.T, a, b policy.Module) {
	t.Helper()
	have := map[string]policy.Mount{}
	for _, f := range b.Filesystem {
		have[f.Path] = f
	}
	for _, f := range a.Filesystem {
		got, there := have[f.Path]
		switch {
		case f.Kind == policy.MountCgroup || f.Kind == policy.MountControl: // noted
		case !there || got.Kind != f.Kind || got.Access != f.Access || got.Optional != f.Optional || got.Size != f.Size || got.Subset != f.Subset:
			t.Errorf("%+v, %+v", f, got)
		}
		delete(have, f.Path)
	}
	for p := range have {
		t.Errorf("%s came from nowhere", p)
	}
}

func compareCalls(t *testing.T, a, b policy.Seccomp, said string) {
	t.Helper()
	want, err := seccomp.Resolve(a)
	if err != nil {
		t.Fatal(err)
	}
	got, err := seccomp.Resolve(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range seccomp.Compare(want, got, 10_000) {
		for nr := d.First; ; nr++ {
			name := seccomp.Name(nr)
			if d.Call.Arch != seccomp.Native().Audit() || name != "" && name != "execve" &&
				!strings.Contains(said, name+" is let through") && !strings.Contains(said, name+" is left out") &&
				!strings.Contains(said, "denied of "+name+" is answered") {
				t.Fatalf("%s: %v", name, &d)
			}
			if nr == d.Last || nr-d.First > 2000 {
				break
			}
		}
	}
}

// imported makes a policy of a service's lines, and returns what is noted.
func imported(t *testing.T, service string) (m policy.Module, text, notes string) {
	t.Helper()
	yaml, ns, err := Import([]File{{"web.service", []byte("[Service]\nExecStart=/usr/bin/web\n" + service)}})
	if err != nil {
		t.Fatalf("%v\n%s", err, yaml)
	}
	for _, n := range ns {
		notes += n.String() + "\n"
	}
	return parse(t, "made.yaml", string(yaml)).Modules[0], string(yaml), notes
}

// TestSystemCalls: who may make which call, by the order of the lines.
func TestSystemCalls(t *testing.T) {
	type call struct {
		name string
		args [6]uint64
		want uint32
	}
	const eperm, kill = bpf.RetErrno | 1, bpf.RetKillProcess
	for _, c := range []struct {
		name, unit string
		calls      []call
	}{
		{"allow list", "SystemCallFilter=openat close\n", []call{{"openat", [6]uint64{}, bpf.RetAllow}, {"brk", [6]uint64{}, bpf.RetAllow}, {"mount",
			[6]uint64{}, kill}}},
		{"taken away", "SystemCallFilter=@file-system\nSystemCallFilter=~openat\n", []call{{"openat", [6]uint64{}, kill}, {"chdir", [6]uint64{},
			bpf.RetAllow}}},
		{"added again", "SystemCallFilter=@file-system\nSystemCallFilter=~openat\nSystemCallFilter=openat\n", []call{{"openat", [6]uint64{},
			bpf.RetAllow}}},
		{"reset", "SystemCallFilter=mount\nSystemCallFilter=\nSystemCallFilter=close\n", []call{{"mount", [6]uint64{}, kill}, {"close", [6]uint64{},
			bpf.RetAllow}}},
		{"deny list", "SystemCallFilter=~mount\n", []call{{"mount", [6]uint64{}, kill}, {"umount2", [6]uint64{}, bpf.RetAllow}}},
		{"deny list, taken out", "SystemCallFilter=~@mount\nSystemCallFilter=mount\n", []call{{"mount", [6]uint64{}, bpf.RetAllow}, {"umount2",
			[6]uint64{}, kill}}},
		{"error number", "SystemCallFilter=close\nSystemCallErrorNumber=EACCES\n", []call{{"mount", [6]uint64{}, bpf.RetErrno | 13}}},
		{"error numbers of calls", "SystemCallFilter=~clone3:ENOSYS ptrace:13 mount:kill umount2\nSystemCallErrorNumber=EPERM\n", []call{{"clone3",
			[6]uint64{}, bpf.RetErrno | 38},
			{"ptrace", [6]uint64{}, bpf.RetErrno | 13}, {"mount", [6]uint64{}, kill}, {"umount2", [6]uint64{}, eperm}}},
		{"error number of a call not allowed", "SystemCallFilter=close\nSystemCallFilter=~clone3:ENOSYS\nSystemCallErrorNumber=EPERM\n",
			[]call{{"clone3", [6]uint64{}, bpf.RetErrno | 38}, {"mount", [6]uint64{}, eperm}}},
		{"continued", "SystemCallFilter=close \\\n# openat\n  mount\n", []call{{"mount", [6]uint64{}, bpf.RetAllow}, {"openat", [6]uint64{}, kill}}},
		{"no list", "", []call{{"mount", [6]uint64{}, bpf.RetAllow}}},
		{"families", "RestrictAddressFamilies=AF_UNIX AF_INET\n", []call{{"socket", [6]uint64{2}, bpf.RetAllow}, {"socket", [6]uint64{16},
			bpf.RetErrno | 97}}},
		{"families denied", "RestrictAddressFamilies=~AF_NETLINK\n", []call{{"socket", [6]uint64{2}, bpf.RetAllow}, {"socket", [6]uint64{16},
			bpf.RetErrno | 97}}},
		{"no families", "RestrictAddressFamilies=none\n", []call{{"socket", [6]uint64{2}, bpf.RetErrno | 97}}},
		{"namespaces", "RestrictNamespaces=yes\n", []call{{"clone", [6]uint64{0x10000000}, eperm}, {"clone", [6]uint64{0x11}, bpf.RetAllow}, {"setns",
			[6]uint64{}, eperm},
			{"clone3", [6]uint64{}, bpf.RetErrno | 38}}},
		{"some namespaces", "RestrictNamespaces=net\n", []call{{"unshare", [6]uint64{0x40000000}, bpf.RetAllow}, {"unshare", [6]uint64{0x20000}, eperm}}},
		{"namespaces denied", "RestrictNamespaces=~net\n", []call{{"unshare", [6]uint64{0x40000000}, eperm}, {"unshare", [6]uint64{0x20000},
			bpf.RetAllow}}},
		{"writable and executable", "MemoryDenyWriteExecute=yes\n", []call{{"mmap", [6]uint64{0, 0, 6}, eperm}, {"mmap", [6]uint64{0, 0, 5}, bpf.RetAllow},
			{"mprotect", [6]uint64{0, 0, 4}, eperm}}},
		{"set-user-id", "RestrictSUIDSGID=true\n", []call{{"fchmodat", [6]uint64{0, 0, 0o4755}, eperm}, {"fchmodat", [6]uint64{0, 0, 0o755}, bpf.RetAllow},
			{"openat", [6]uint64{0, 0, 0o100, 0o2755}, eperm}, {"openat", [6]uint64{0, 0, 0, 0o2755}, bpf.RetAllow}}},
		{"the last one counts", "LockPersonality=yes\nLockPersonality=no\n", []call{{"personality", [6]uint64{8}, bpf.RetAllow}}},
		{"locked", "LockPersonality=yes\n", []call{{"personality", [6]uint64{8}, eperm}, {"personality", [6]uint64{}, bpf.RetAllow}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, text, _ := imported(t, c.unit)
			d, err := seccomp.Resolve(m.Seccomp)
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range c.calls {
				nr, has := seccomp.Number(call.name)
				if !has {
					continue // another architecture
				}
				if got := d.Want(bpf.Data{Nr: nr, Arch: seccomp.Native().Audit(), Args: call.args}); got != call.want {
					t.Errorf("%s with %#x: %s, want %s in\n%s", call.name, call.args, bpf.Describe(got), bpf.Describe(call.want), text)
				}
			}
		})
	}
}

// TestImport: what directives become, and what is noted of those that become nothing.
func TestImport(t *testing.T) {
	for _, c := range []struct {
		name, unit  string
		want, notes []string
	}{
		{"user", "User=www-data\nGroup=adm\n", []string{"user: www-data\n", "group: adm\n", "capabilities: []"},
			[]string{"41 capabilities of the bounding set"}},
		{"supplementary groups", "User=www-data\nGroup=adm\nSupplementaryGroups=audio 44 adm\nSupplementaryGroups=audio x\n", []string{"group_add: [audio, "}, nil},
		{"supplementary groups, reset", "DynamicUser=yes\nSupplementaryGroups=audio\nSupplementaryGroups=\nSupplementaryGroups=video\n", []string{"group_add: [video]\n"}, nil},
		{"root", "", []string{"user: root\n", "capabilities: [CAP_CHOWN, CAP_DAC_OVERRIDE"}, nil},
		{"dynamic", "DynamicUser=yes\n", []string{"user: {dynamic: true}\n"}, nil},
		{"bounding set", "CapabilityBoundingSet=CAP_CHOWN CAP_KILL\nCapabilityBoundingSet=~CAP_KILL\n", []string{"capabilities: [CAP_CHOWN]\n"}, nil},
		{"bounding set without", "CapabilityBoundingSet=~CAP_CHOWN\n", []string{"capabilities: [CAP_DAC_OVERRIDE, "}, nil},
		{"bounding set, reset", "CapabilityBoundingSet=CAP_CHOWN\nCapabilityBoundingSet=\n", []string{"capabilities: []\n"}, nil},
		{"ambient", "User=1000\nAmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n",
			[]string{"capabilities: [CAP_NET_BIND_SERVICE]\n"}, nil},
		{"environment", "Environment=A=1 \"B=x y\"\nEnvironment='C=$z'\n", []string{`environment: {"A": "1", "B": "x y", "C": "$$z"}`}, nil},
		{"environment, reset", "Environment=A=1\nEnvironment=\nEnvironment=B=2\n", []string{`environment: {"B": "2"}`}, nil},
		{"limits", "LimitNOFILE=100:200\nLimitCORE=0\nLimitCPU=2min\nLimitFSIZE=infinity\nLimitNICE=-5\n", []string{"nofile: {soft: 100, hard: 200}",
			"core: 0", "cpu: 2m", "fsize: unlimited"},
			[]string{"web.service:7:1: LimitNICE=-5 is not carried"}},
		{"resources", "MemoryMax=256M\nTasksMax=7\nCPUQuota=150%\nMemoryLow=1G\n", []string{"memory.max: 256M", "pids.max: 7", `cpu.max: "150000 100000"`},
			[]string{"web.service:6:1: MemoryLow is not carried"}},
		{"control groups", "MemoryHigh=5M\nMemorySwapMax=0\nCPUWeight=50\nAllowedCPUs=6 0-2\nOOMPolicy=kill\n",
			[]string{"memory.high: 5M", "memory.swap.max: 0", "cpu.weight: 50", "cpuset.cpus: [6, 0-2]", "memory.oom.group: true"}, nil},
		{"control groups that cannot be carried", "MemoryHigh=50%\nMemorySwapMax=infinity\nCPUWeight=idle\nAllowedCPUs=1-0\nOOMPolicy=stop\n", nil,
			[]string{"MemoryHigh=50% is not", "CPUWeight=idle is not", "AllowedCPUs=1-0 is not", "OOMPolicy=stop is not"}},
		{"disks", "IOWeight=50\nIOReadBandwidthMax=/var/lib 5M\nIOWriteBandwidthMax=\"/dev/sda\" 4096\nIOReadIOPSMax=/var/lib 1K\nIOWriteIOPSMax=/dev/block/8:0 infinity\n",
			[]string{"io.weight: 50", `io.max: {/var/lib: {rbps: 4882K, riops: 1000}, /dev/sda: {wbps: 4K}, "8:0": {wiops: max}}`}, nil},
		{"a disk by two names", "IOReadBandwidthMax=/var//lib/ 8192\nIOWriteBandwidthMax=/var/lib 4096\nIOReadIOPSMax=/dev/block/08:1 4294967294\nIOWriteIOPSMax=/dev/block/8:1 7\n",
			[]string{`io.max: {/var/lib: {rbps: 8K, wbps: 4K}, "8:1": {riops: 4294967294, wiops: 7}}`}, nil},
		{"disks beyond what there can be", "IOReadIOPSMax=/a 4294967295\nIOReadIOPSMax=/b 4294968K\nIOReadBandwidthMax=/a 9223372036854775807T\nIOReadBandwidthMax=/dev/block/0:5 1M\n" +
			"IOReadBandwidthMax=/dev/block/8:1048576 1M\nIOReadBandwidthMax=/dev/block/sda 1M\nIOReadBandwidthMax=8:0 1M\n", nil,
			[]string{"4294967295 is not carried: it is out", "4294968K is not carried: it is out", "7T is not carried: it is out", "/0:5 1M is not", "8:1048576 1M is not",
				"/sda 1M is not carried: a policy takes an absolute path without specifiers, or the number", "=8:0 1M is not"}},
		{"disks that cannot be carried", "IOWeight=idle\nIOReadBandwidthMax=/a 100\nIOReadBandwidthMax=%S/a 1M\nIOReadIOPSMax=/a 1\nIOReadIOPSMax=/a\n", nil,
			[]string{"IOWeight=idle is not", "/a 100 is not carried: it is out of the range", "without specifiers", "/a 1 is not carried: it is out of", "IOReadIOPSMax=/a is not"}},
		{"times", "Restart=always\nRestartSec=1min 30s\nTimeoutStopSec=5\nKillSignal=SIGINT\n", []string{"policy: always, delay: 90s",
			"stop_grace_period: 5s", "stop_signal: SIGINT"}, nil},
		{"a forever", "TimeoutStopSec=infinity\n", nil, []string{"TimeoutStopSec=infinity is not carried"}},
		{"notify", "Type=notify\nTimeoutStartSec=1min\nWatchdogSec=3\n", []string{"healthcheck: {notify: true, start_period: 1m, watchdog: 3s}"}, nil},
		{"forking", "Type=forking\nPIDFile=/run/x\n", nil, []string{"Type=forking is not carried", "PIDFile is not carried"}},
		{"network", "PrivateNetwork=yes\n", []string{"network: {mode: loopback}", "namespaces: [mount, pid, network]"}, nil},
		{"no network at all", "PrivateNetwork=1\nIPAddressDeny=any\n", []string{"network: {mode: none}"}, nil},
		{"addresses", "IPAddressDeny=any\n", []string{"network: {mode: host}"}, []string{"IPAddressDeny is not carried"}},
		{"system", "ProtectSystem=strict\nReadWritePaths=/var/lib/web\nProtectHome=yes\nPrivateTmp=yes\n",
			[]string{"{path: /usr, access: rx, if_exists: true}",
				"{path: /var, access: rx, if_exists: true}", "{path: /var/lib/web, access: rwx}", "{path: /home, tmpfs: 4K, mode: \"0755\", access: " +
					"r}", "{path: /tmp, tmpfs: 64M, access: rwx}"}, nil},
		{"an old name", "ProtectSystem=strict\nReadWriteDirectories=-/srv/web\n", []string{"{path: /srv/web, access: rwx, if_exists: true}"}, nil},
		{"full", "ProtectSystem=full\n", []string{"{path: /etc, access: rx, if_exists: true}", "{path: /var, access: rwx, if_exists: true}"}, nil},
		{"empty root", "TemporaryFileSystem=/:ro\nBindReadOnlyPaths=/usr -/lib64\nBindPaths=/var/lib/web\nNoExecPaths=/\nExecPaths=/usr\n",
			[]string{"filesystem:\n      - {path: /lib64, access: r, if_exists: true}\n      - {path: /usr, access: rx}\n      - {path: /var/lib/web, " +
				"access: rw}\n    seccomp"}, nil},
		{"bound elsewhere", "BindPaths=/a:/b/c:rbind\n", []string{"{path: /b/c, source: /a, access: rwx}"}, nil},
		{"specifiers", "StateDirectory=%N\nReadOnlyPaths=%h/x\n", []string{"{path: /var/lib/web, access: rw}"},
			[]string{"ReadOnlyPaths is not carried: the specifier %h"}},
		{"devices", "PrivateDevices=yes\n", []string{"{path: /dev/null, access: rw, if_exists: true}"}, nil},
		{"proc", "ProcSubset=pid\n", []string{"{path: /proc, proc: pid}"}, nil},
		{"masked in proc", "InaccessiblePaths=-/proc/kcore /proc/mdstat /proc/tty/drivers -/proc/tty /proc/tty/ldiscs /proc/1/maps\nProtectProc=invisible\n",
			[]string{"{path: /proc, proc: all, masked: [default, /proc/mdstat, /proc/tty]}"}, []string{"/proc/1/maps is not carried"}},
		{"masked in a proc of processes", "InaccessiblePaths=-/proc/mdstat\nProcSubset=pid\n", []string{"{path: /proc, proc: pid}"}, nil},
		{"unknown", "LogsExtraMaxBytes=5\n[Unit]\nPartOf=x.target\n[Install]\nWantedBy=y\n", nil,
			[]string{"web.service:3:1: LogsExtraMaxBytes is not carried", "web.service:5:1: PartOf is not carried"}},
		{"condition", "SystemCallFilter=nosuchcall @nosuchgroup\n", nil, []string{`"nosuchcall" is not carried`,
			`the group "@nosuchgroup" is not carried`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, text, notes := imported(t, c.unit)
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
			for _, want := range c.notes {
				if !strings.Contains(notes, want) {
					t.Errorf("no note %q in\n%s", want, notes)
				}
			}
		})
	}
}

// TestFiles: sockets, drop-ins in the order of their names, and commands.
func TestFiles(t *testing.T) {
	text, notes, err := Import([]File{
		{"u/web.service.d/20-b.conf", []byte("[Service]\nUser=b\n")},
		{"u/web.service", []byte("[Service]\nEnvironment=DIR=/srv\nExecStart=@/usr/sbin/web other -d ${DIR}/x '$$5' \"a b\" $NONE\nUser=a\n")},
		{"u/web.socket", []byte("[Socket]\nListenStream=127.0.0.1:80\nListenStream=/run/web.sock\nSocketMode=0600\nFileDescriptorName=http\nBacklog=9\n")},
		{"v/web.service.d/10-a.conf", []byte("[Service]\nUser=c\nExecStart=\nExecStart=-/usr/sbin/web -d ${DIR}/x '$$5' \"a b\"\n")},
		{"u/other.socket", []byte("[Socket]\nListenDatagram=53\nService=web.service\n")},
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	p := parse(t, "made.yaml", string(text))
	m := p.Modules[0]
	if m.User.V != "b" || len(m.Listeners) != 3 || len(p.Listeners) != 3 {
		t.Errorf("%+v", m)
	}
	for i, want := range []string{"/usr/sbin/web", "-d", "/srv/x", "$5", "a b"} {
		if m.Command[i].V != want {
			t.Errorf("word %d: %q, want %q", i, m.Command[i].V, want)
		}
	}
	for _, want := range []string{`http: {address: "127.0.0.1:80", backlog: 9}`, `http-2: {address: "unix:/run/web.sock", mode: "0600", backlog: 9}`,
		`other: {address: "udp:0.0.0.0:53"}`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if len(notes) == 0 {
		t.Error("nothing is noted")
	}
}

func TestImportErrors(t *testing.T) {
	for text, want := range map[string]string{
		"ExecStart=/bin/true":                "web.service:1:1: ExecStart is in no section",
		"[Service\nExecStart=/bin/true":      `web.service:1:1: "[Service" is no section`,
		"[Service]\nExecStart":               `web.service:2:1: "ExecStart" is no assignment`,
		"[Service]\n  =x":                    `web.service:2:3: "=x" is no assignment`,
		"[Service]\nA=\xff":                  "web.service:2:1: the line is not UTF-8",
		"[Service]\nA=\x00":                  "web.service:2:1: a zero byte",
		"[Service]\nExecStart=/bin/true\n=1": `web.service:3:1: "=1" is no assignment`,
	} {
		_, _, err := Import([]File{{"web.service", []byte(text)}})
		var errs exchange.Errors
		if !errors.As(err, &errs) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	for _, files := range [][]File{{{"web.socket", nil}}, {{"web.txt", nil}}, {{"a.service", nil}, {"b/a.service", nil}}, {{"a.service", nil},
		{"b.service.d/x.conf", nil}}} {
		if _, _, err := Import(files); err == nil {
			t.Errorf("%v", files)
		}
	}
}

// FuzzImport: a unit is refused with a place, or a policy comes of it, or the policy language says why it cannot.
func FuzzImport(f *testing.F) {
	for _, s := range []string{"[Service]\nExecStart=/bin/true\n", "[Service]\nExecStart=@-/bin/a b \"c \\x41\" $$d ${E}\nEnvironment=E=1 'F= 2'\n",
		"[Service]\nSystemCallFilter=~@mount read:EPERM \\\n; x\n openat:kill\nSystemCallFilter=\n", "[Service]\nRestrictNamespaces=~net " +
			"user\nLimitCPU=1min 5\nUMask=%n\n",
		"[Service]\nBindPaths=/a\\:b:/c:rbind -/d\nTemporaryFileSystem=/:ro /tmp:size=5K,mode=0700\nExecPaths=/a\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<12 {
			return
		}
		_, _, err := Import([]File{{"web.service", text}})
		var errs exchange.Errors
		if errors.As(err, &errs) && errs[0].Pos.Line < 1 {
			t.Fatalf("no place: %v", err)
		}
		_, _, _ = Import([]File{{"web.service", nil}, {"web.socket", text}})
	})
}
