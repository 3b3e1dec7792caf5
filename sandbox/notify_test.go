package sandbox

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// notifying returns a module that notifies, with more entries for its file-system list.
func notifying(entries string, lines ...string) string {
	return `
command: [/usr/bin/true]
user: web
healthcheck: {notify: true, watchdog: 1500ms}
seccomp: {allow: [read]}
filesystem: [{path: /usr, access: rx}, {path: /lib64, access: rx}` + entries + "]\n" + strings.Join(lines, "\n")
}

// sockets returns the sockets among the prepared descriptors.
func sockets(p *program.Program) []program.Prepare {
	var out []program.Prepare
	for _, d := range p.Prepare {
		if d.Kind == program.Socket {
			out = append(out, d)
		}
	}
	return out
}

// did tells whether the child makes a call that starts like this.
func did(p *program.Program, text string) bool {
	return slices.ContainsFunc(p.Steps, func(s program.Step) bool { return strings.HasPrefix(s.Text, text) })
}

func TestNotifySocket(t *testing.T) {
	res := mustCompile(t, debian(), notifying(", {path: /run/own/s, control: self}"))
	const attr = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	want := []program.Prepare{
		{Kind: program.Socket, Path: "notify", Attr: attr, Origin: program.Origin{Line: 10, Col: 19}},
		{Kind: program.Socket, Path: "control", Attr: attr, Origin: program.Origin{Line: 12, Col: 79}},
	}
	got := sockets(res.Mounts())
	if len(got) != 2 || got[0].Path != want[0].Path || got[0].Attr != want[0].Attr || got[1].Path != want[1].Path || got[1].Attr != want[1].Attr {
		t.Errorf("sockets %+v", got)
	}
	for i, d := range got {
		if d.Origin.Line != want[i].Origin.Line {
			t.Errorf("socket %s is of line %d, want %d", d.Path, d.Origin.Line, want[i].Origin.Line)
		}
	}
	for _, text := range []string{`mkdirat(<root>, "run", 0755)`, `mkdirat(<root>, "run/own", 0755)`, `mknodat(<root>, "run/notify", S_IFREG|0444`, `mknodat(<root>, "run/own/s"`,
		`move_mount(</run/notify>, "", <root>, "run/notify"`, `move_mount(</run/own/s>, "", <root>, "run/own/s"`, "store-decimal WATCHDOG_PID"} {
		if !did(res.Mounts(), text) && !did(res.Program, text) {
			t.Errorf("the child does not %s", text)
		}
	}
	for _, variable := range []string{"NOTIFY_SOCKET=/run/notify\x00", "WATCHDOG_USEC=1500000\x00", "WATCHDOG_PID="} {
		if !strings.Contains(string(res.Program.Memory), variable) {
			t.Errorf("no variable %q", variable)
		}
	}
	for _, d := range res.Mounts().Prepare {
		for _, r := range d.Rules {
			if res.Mounts().Prepare[r.From].Kind == program.Socket {
				t.Error("a Landlock rule about a socket: the kernel refuses one without rights")
			}
		}
	}
}

func TestNoNotifySocket(t *testing.T) {
	alone := func(r *Request) { r.Alone = true }
	for name, res := range map[string]*Result{
		"without a healthcheck": mustCompile(t, debian(), strings.Replace(notifying(""), "healthcheck: {notify: true, watchdog: 1500ms}", "replicas: 1", 1)),
		"alone":                 mustCompile(t, debian(), notifying(", {path: /run/s, control: self}"), alone),
	} {
		if len(sockets(res.Mounts())) > 0 || strings.Contains(string(res.Program.Memory), "NOTIFY_SOCKET") || strings.Contains(string(res.Program.Memory), "WATCHDOG") {
			t.Errorf("%s: sockets %v", name, sockets(res.Mounts()))
		}
	}
	res := mustCompile(t, debian(), strings.Replace(notifying(""), ", watchdog: 1500ms", "", 1))
	if len(sockets(res.Mounts())) != 1 || strings.Contains(string(res.Program.Memory), "WATCHDOG") {
		t.Errorf("without a watchdog: sockets %v", sockets(res.Mounts()))
	}
}

// TestNotifyInsideOfOthers: on a tmpfs there is a place, in a directory of the host's only when there is one.
func TestNotifyInsideOfOthers(t *testing.T) {
	res := mustCompile(t, debian(), notifying(", {path: /run, tmpfs: 1M}"))
	if !did(res.Mounts(), `mknodat(</run>, "notify"`) {
		t.Error("no place is made on the tmpfs")
	}
	h := debian()
	h.files["/run/notify"] = entry{kind: Regular}
	if res := mustCompile(t, h, notifying(", {path: /run}")); did(res.Mounts(), "mknodat") {
		t.Error("a place is made in a directory of the host's")
	}
	for entries, want := range map[string]string{
		", {path: /run}":                                          "E607 10",
		", {path: /run/notify, tmpfs: 1M}":                        "E607 12",
		", {path: /run/notify/x, tmpfs: 1M}":                      "E607 12",
		", {path: /run/notify, control: self}":                    "E607 12",
		", {path: /srv/data/s, control: self}, {path: /srv/data}": "E603 12",
	} {
		_, ds := compileWith(t, debian(), notifying(entries))
		if got := strings.Join(places(ds), " "); got != want {
			t.Errorf("%s: %s, want %s\n%v", entries, got, want, ds)
		}
	}
	_, ds := compileWith(t, debian(), notifying(""), func(r *Request) {
		r.Module.Namespaces = []policy.Value[policy.Namespace]{{V: unix.CLONE_NEWPID}}
	})
	if got := strings.Join(places(ds), " "); got != "E607 10" || !strings.Contains(ds.Error(), "without a mount namespace") {
		t.Errorf("%v", ds)
	}
}

// A module that inherits the socket needs no place for it.
func TestInheritedNotify(t *testing.T) {
	res := mustCompile(t, debian(), strings.Replace(notifying(""), "healthcheck:", "listeners: {\"@notify\": 3}\nhealthcheck:", 1))
	if i := slices.IndexFunc(res.Mounts().Prepare, func(p program.Prepare) bool { return p.Kind == program.Socket }); i >= 0 {
		t.Errorf("it gets a path, too: %+v", res.Mounts().Prepare[i])
	}
	if !slices.ContainsFunc(res.Program.Prepare, func(p program.Prepare) bool { return p.Kind == program.Listener && p.Path == policy.NotifyListener }) {
		t.Error("it does not inherit the socket")
	}
	memory := string(res.Program.Memory)
	if strings.Contains(memory, "NOTIFY_SOCKET") || !strings.Contains(memory, "WATCHDOG_USEC=1500000\x00") || !strings.Contains(memory, "LISTEN_FDNAMES=@notify\x00") {
		t.Errorf("its environment: %q", memory)
	}
}
