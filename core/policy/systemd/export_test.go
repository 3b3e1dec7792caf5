package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// shipped returns the policies of the repository by name.
func shipped(t *testing.T) map[string]*policy.Policy {
	t.Helper()
	files, err := filepath.Glob("../../../policies/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d policies, %v", len(files), err)
	}
	all := map[string]*policy.Policy{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(file)] = parse(t, filepath.Base(file), string(text))
	}
	return all
}

func parse(t *testing.T, name, text string) *policy.Policy {
	t.Helper()
	p, findings := policy.Parse(name, []byte(text), policy.Options{Catalog: seccomp.Catalog(), Dir: "/etc/bulkhead",
		Variables: map[string]string{"POLICY_DIR": "/etc/bulkhead", "SUPERVISOR": "/bin/true"}})
	if err := findings.Err(); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return p
}

// TestVerified: systemd takes the units that are made of the repository's policies.
func TestVerified(t *testing.T) {
	for name, p := range shipped(t) {
		t.Run(name, func(t *testing.T) {
			units, _ := Export(p, Options{})
			verify(t, units)
		})
	}
}

// verify has systemd check units. It is to say nothing, but that a program is not installed, which says nothing of a unit.
func verify(t *testing.T, units []Unit) {
	t.Helper()
	dir := t.TempDir()
	args := []string{"--man=no", "verify"}
	for _, u := range units {
		file := filepath.Join(dir, u.Name)
		if err := os.WriteFile(file, u.Text, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not installed: ./bootstrap installs it")
	}
	out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
	missing := false
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "is not executable") {
			missing = true
		} else {
			t.Errorf("%s", line)
		}
	}
	if err != nil && !missing {
		t.Errorf("%v: %s", err, out)
	}
}

// module makes a policy of a module's lines.
func module(lines string) string {
	text := "version: 1\nmodules:\n  m:\n    command: [/bin/true]\n    user: daemon\n"
	for line := range strings.Lines(lines) {
		text += "    " + line
	}
	if !strings.Contains(lines, "filesystem:") {
		text += "\n    filesystem: [{path: /usr, access: rx}]"
	}
	return text + "\n"
}

// TestDirectives: what a policy says is there.
func TestDirectives(t *testing.T) {
	const calls = `"@default", read, write, `
	seccomp := func(rules string) string { return "seccomp: {allow: [" + calls + rules + "]}" }
	cases := []struct {
		name, module string
		want, not    []string
		notes        []string
	}{
		{"families", seccomp(`{call: socket, when: "family in [AF_INET, AF_UNIX]"}`), []string{"RestrictAddressFamilies=AF_INET AF_UNIX\n", " socket "},
			nil,
			[]string{"what is denied of socket is answered with errno 97 by RestrictAddressFamilies"}},
		{"no sockets", seccomp("close"), []string{"RestrictAddressFamilies=none\n"}, []string{"socket"}, nil},
		{"all families", seccomp("socket"), []string{" socket"}, []string{"RestrictAddressFamilies"}, nil},
		{"a type is no family", seccomp(`{call: socket, when: "type == SOCK_STREAM"}`), []string{" socket "}, []string{"RestrictAddressFamilies"},
			[]string{"p.yaml:6:55: the unit is wider: socket is let through not only where `type == SOCK_STREAM`, but with all arguments: no directive"}},
		{"a family that has no name", seccomp(`{call: socket, when: "family != AF_VSOCK"}`), []string{"RestrictAddressFamilies=~AF_VSOCK\n"}, nil, nil},
		{"calls that systemd does not know", "seccomp: {allow: [read, mseal], deny: [{call: listmount, action: errno ENOSYS}]}", nil,
			[]string{"mseal", "listmount", "uretprobe"}, []string{"p.yaml:6:29: mseal is left out: systemd 252", "errno ENOSYS for listmount is not carried",
				"uretprobe is not taken away"}},
		{"a kind of namespace", seccomp(`{call: unshare, when: "unshare_flags == CLONE_NEWNET"}`), []string{"RestrictNamespaces=net\n", " unshare "}, nil,
			[]string{"but with all arguments that RestrictNamespaces=net leaves"}},
		{"writable and executable", "seccomp: {allow: [read, exit_group, munmap, {call: mmap, when: \"!(prot & PROT_WRITE && prot & PROT_EXEC)\"}, " +
			"{call: mprotect, when: \"!(prot & PROT_EXEC)\"}]}", []string{"MemoryDenyWriteExecute=yes\n", " mmap "}, nil, nil},
		{"only writable", seccomp("munlock"), nil, []string{"MemoryDenyWriteExecute"}, nil},
		{"namespaces", seccomp(`{call: clone, when: "!(clone_flags & (CLONE_NEWNS | CLONE_NEWPID | ` +
			`CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUSER | ` +
			`CLONE_NEWCGROUP))"}`), []string{"RestrictNamespaces=yes\n", "clone"}, nil, nil},
		{"clone3 falls back", "seccomp: {allow: [read], deny: [{call: clone3, action: errno ENOSYS}]}", []string{"SystemCallFilter=~clone3:ENOSYS\n"}, nil,
			nil},
		{"killed", "seccomp: {denied: kill_process, allow: [read]}", nil, []string{"SystemCallErrorNumber"}, nil},
		{"default is taken away", "seccomp: {allow: [read, execve]}", []string{"SystemCallFilter=~arch_prctl brk"}, []string{" execve\n~", "~execve"}, nil},
		{"capabilities", "capabilities: [net_bind_service]\n" + seccomp("close"), []string{"CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n",
			"AmbientCapabilities=CAP_NET_BIND_SERVICE\n"},
			nil, nil},
		{"disks", "resources: {io.weight: 50, io.max: {/srv: {rbps: 4M, wiops: 7, wbps: max}, \"8:0\": {riops: 9}, \"/a b\": {rbps: 1M}}}\n" + seccomp("close"),
			[]string{"IOWeight=50\n", "IOReadBandwidthMax=/srv 4194304\nIOWriteIOPSMax=/srv 7\n", "IOReadIOPSMax=/dev/block/8:0 9\n"}, nil, []string{"/a b is not carried"}},
		{"limits", "rlimits: {nofile: {soft: 10, hard: 20}, cpu: 5s}\nresources: {memory.max: 4M, cpu.max: \"12345 100000\"}\n" + seccomp("close"),
			[]string{"LimitNOFILE=10:20\n", "LimitCPU=5:5\n", "MemoryMax=4194304\n", "CPUQuota=12.34%\n",
				"CPUQuotaPeriodSec=100000us\n"}, nil, []string{"rounded down"}},
		{"words", "environment: {A: 'b \"c\" $$d %e'}\n" + seccomp("close"), []string{`Environment="A=b \"c\" $d %%e"` + "\n"}, nil, nil},
		{"no network", "network: {mode: none}\n" + seccomp("close"), []string{"PrivateNetwork=yes\n", "IPAddressDeny=any\n"}, nil, nil},
		{"loopback", "network: {mode: loopback}\n" + seccomp("close"), []string{"PrivateNetwork=yes\n"}, []string{"IPAddressDeny"}, nil},
		{"files", "filesystem: [{path: /usr, access: rx}, {path: /var/lib/a b, access: rw, if_exists: true}, {path: /tmp, tmpfs: 1M}, {path: /proc, " +
			"proc: pid}]\n" + seccomp("close"),
			[]string{"BindReadOnlyPaths=/usr\n", "ExecPaths=/usr\n", "BindPaths=-\"/var/lib/a b\"\n", "TemporaryFileSystem=/tmp:mode=1777,size=1048576\n",
				"ProcSubset=pid\n"}, nil, nil},
		{"hidden processes", "filesystem: [{path: /usr, access: rx}, {path: /proc, proc: all, hidepid: ptraceable}]\n" + seccomp("close"),
			[]string{"ProtectProc=ptraceable\n", "InaccessiblePaths=-/proc/acpi -/proc/asound -/proc/interrupts "}, []string{"ProcSubset", "\nReadOnlyPaths"}, nil},
		{"what is the kernel's in proc", "filesystem: [{path: /usr, access: rx}, {path: /proc, proc: all, access: rw, masked: [/proc/mdstat]}]\n" + seccomp("close"),
			[]string{"InaccessiblePaths=-/proc/mdstat\n", "ReadOnlyPaths=-/proc/bus -/proc/fs -/proc/irq -/proc/sys -/proc/sysrq-trigger\n"}, nil, nil},
		{"devices", "filesystem: [{path: /usr, access: rx}, {path: /dev, dev: minimal}]\n" + seccomp("close"),
			[]string{"TemporaryFileSystem=/dev:mode=0755,ro\n", "BindPaths=/dev/null\n", "TemporaryFileSystem=/dev/shm:mode=1777,size=16777216\n",
				"DevicePolicy=closed\n"}, nil, []string{"the links of dev: minimal at /dev"}},
		{"tcp probe", "network: {mode: host}\nnamespaces: [mount, pid]\nhealthcheck: {tcp: \"127.0.0.1:80\"}\n" + seccomp("close"), nil,
			[]string{"PrivateNetwork"}, []string{"healthcheck of tcp is not carried", "the pid namespace"}},
		{"nothing to notify with", "healthcheck: {notify: true, watchdog: 3s}\n" + seccomp("sendmsg, {call: socket, when: \"type == SOCK_STREAM\"}"),
			[]string{"Type=exec\n"}, []string{"NotifyAccess", "WatchdogSec"}, []string{"the healthcheck is not carried: systemd has NOTIFY_SOCKET alone"}},
		{"notifies", "healthcheck: {notify: true, watchdog: 3s}\n" + seccomp("sendto, {call: socket, when: \"family == AF_UNIX\"}"),
			[]string{"Type=notify\n", "NotifyAccess=main\n", "WatchdogSec=3000ms\n", "BindReadOnlyPaths=/run/systemd/notify\n"}, nil, nil},
		{"it does not write", "seccomp: {allow: [\"@default\", read]}", []string{"Type=simple\n"}, nil, []string{"Type=exec is not written",
			"the user daemon has to be there"}},
		{"signal", "stop_signal: SIGQUIT\n" + seccomp("close"), []string{"KillSignal=SIGQUIT\n"}, nil, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			units, notes := Export(parse(t, "p.yaml", module(c.module)), Options{})
			text := string(units[0].Text)
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
			for _, not := range c.not {
				if strings.Contains(text, not) {
					t.Errorf("%q in\n%s", not, text)
				}
			}
			said := ""
			for _, n := range notes {
				said += n.String() + "\n"
			}
			for _, want := range c.notes {
				if !strings.Contains(said, want) {
					t.Errorf("no note %q in\n%s", want, said)
				}
			}
			verify(t, units)
		})
	}
}

// TestSockets: a listener is a unit of its own, which its module needs.
func TestSockets(t *testing.T) {
	p := parse(t, "p.yaml", `version: 1
kernel: ">=6.1"
listeners:
  api: {address: "unix:/run/app/api.sock", mode: "0660", group: daemon}
  web: {address: "[::1]:80", backlog: 7}
  dns: {address: "udp:127.0.0.1:5353"}
`+strings.TrimPrefix(module("listeners: {api: 3, web: 4, dns: 5}\nseccomp: {allow: [\"@default\", accept4]}"), "version: 1\n"))
	units, notes := Export(p, Options{})
	all := ""
	for _, u := range units {
		all += u.Name + "\n" + string(u.Text)
	}
	for _, want := range []string{"AssertKernelVersion=>=6.1\n", "Sockets=m-api.socket\n", "Requires=m-web.socket\n",
		"ListenStream=/run/app/api.sock\n", "SocketMode=0660\n",
		"SocketGroup=daemon\n", "ListenStream=[::1]:80\n", "BindIPv6Only=ipv6-only\n", "Backlog=7\n",
		"ListenDatagram=127.0.0.1:5353\n", "FileDescriptorName=dns\n", "Service=m.service\n"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
	if len(units) != 4 || len(notes) == 0 {
		t.Errorf("%d units, %d notes", len(units), len(notes))
	}
	verify(t, units)
}
