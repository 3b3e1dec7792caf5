package policy

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// provenance are the fields that say where something came from, and change nothing about what it is.
var provenance = map[string]string{
	"Call.Group":       "a call of a group is allowed as one that is named",
	"Call.IfSupported": "a call that is not there is not in the filter, whoever knows it",
	"Seccomp.Idle":     "what has no effect changes nothing, whoever is told of it",
	"Module.Accept":    "what an audit is told changes nothing about what runs",
	"Rlimit.Resource":  "the number that belongs to Name",
}

// mutations calls try after each single change to what v points to, and undoes it.
func mutations(v reflect.Value, name string, try func(what string)) {
	old := reflect.New(v.Type()).Elem()
	old.Set(v)
	change := func(what string, to reflect.Value) {
		v.Set(to)
		try(name + " " + what)
		v.Set(old)
	}
	switch value := v.Interface().(type) {
	case Pos:
		return
	case netip.AddrPort:
		change("another address", reflect.ValueOf(netip.AddrPortFrom(netip.MustParseAddr("192.0.2.7"), value.Port())))
		if !value.IsValid() {
			return // a port without an address is nothing
		}
		change("another port", reflect.ValueOf(netip.AddrPortFrom(value.Addr(), value.Port()+1)))
		return
	case *Expr:
		other, err := ParseExpr("something == 1")
		if err != nil {
			panic(err)
		}
		change("another condition", reflect.ValueOf(other))
		return
	case *Action:
		change("another answer", reflect.ValueOf(&Action{Kind: ActionTrap}))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i).Name
			if _, except := provenance[v.Type().Name()+"."+field]; !except {
				mutations(v.Field(i), name+"."+field, try)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			copied := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(copied, v)
			v.Set(copied)
			mutations(v.Index(i), fmt.Sprintf("%s[%d]", name, i), try)
			v.Set(old)
			change(fmt.Sprintf("without %d", i), reflect.AppendSlice(v.Slice(0, i).Slice3(0, i, i), v.Slice(i+1, v.Len())))
		}
		change("with one more", reflect.Append(v.Slice3(0, v.Len(), v.Len()), reflect.Zero(v.Type().Elem())))
	case reflect.String:
		change("longer", reflect.ValueOf(v.String()+"x").Convert(v.Type()))
		if v.Len() > 0 {
			change("empty", reflect.Zero(v.Type()))
		}
	case reflect.Bool:
		change("not", reflect.ValueOf(!v.Bool()))
	case reflect.Int, reflect.Int64:
		for _, by := range []int64{1, -1, 1 << 20} {
			change(fmt.Sprintf("%+d", by), reflect.ValueOf(v.Int()+by).Convert(v.Type()))
		}
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		for _, by := range []uint64{1, 100, 1 << 7} {
			change(fmt.Sprintf("+%d", by), reflect.ValueOf(v.Uint()+by).Convert(v.Type()))
		}
	default:
		panic("no mutation for " + v.Kind().String())
	}
}

// items are the sections without their places.
func items(list []Section) []string {
	var out []string
	for _, s := range list {
		out = append(out, fmt.Sprintf("%s %q", s.Key, s.Items))
	}
	return out
}

// completeModules has every kind of value there is.
func completeModules(t *testing.T) *Policy {
	t.Helper()
	p, ds := Parse("web.yaml", readTestdata(t, "web.yaml"), testOptions())
	if p == nil {
		t.Fatal(ds)
	}
	p.Modules[0].Filesystem = append(p.Modules[0].Filesystem, Mount{Kind: MountControl, Path: "/run/s", Access: AccessRead})
	return p
}

func TestEveryFieldIsInASection(t *testing.T) {
	p := completeModules(t)
	tried := 0
	check := func(what string, before []string, now []Section) {
		tried++
		if slices.Equal(before, items(now)) {
			t.Errorf("no section changes with %s", what)
		}
	}
	for i := range p.Modules {
		m := &p.Modules[i]
		before := items(m.Sections())
		mutations(reflect.ValueOf(m).Elem(), m.Name, func(what string) { check(what, before, m.Sections()) })
		if !slices.Equal(before, items(m.Sections())) {
			t.Fatal("the test leaves a change behind")
		}
	}
	for i := range p.Listeners {
		l := &p.Listeners[i]
		before := items(l.Sections())
		mutations(reflect.ValueOf(l).Elem(), l.Name, func(what string) { check(what, before, l.Sections()) })
	}
	if tried < 500 {
		t.Errorf("only %d changes", tried)
	}
	for name := range provenance {
		typ, field, _ := strings.Cut(name, ".")
		of := map[string]reflect.Type{"Call": reflect.TypeFor[Call](), "Rlimit": reflect.TypeFor[Rlimit](), "Module": reflect.TypeFor[Module](), "Seccomp": reflect.TypeFor[Seccomp]()}[typ]
		if _, ok := of.FieldByName(field); !ok {
			t.Errorf("there is no %s any more", name)
		}
	}
}

// TestPlacesAreInNoSection: a comment, another order of keys and defaults that are written down change nothing.
func TestPlacesAreInNoSection(t *testing.T) {
	base := `version: 1
listeners: {a: {address: "127.0.0.1:80"}}
modules:
  m:
    command: [/m, x]
    environment: {A: "1", B: "2"}
    listeners: {a: 3}
    seccomp: {allow: [read, write], deny: [mmap, ptrace]}
    filesystem: [{path: /m, access: rx}, {path: /n}]
    capabilities: [net_admin, chown]
    rlimits: {nofile: 100, core: 0}
    best_effort: [landlock, pid]
`
	other := `# a comment
version: 1
modules:

  m:
    best_effort: [pid, landlock]
    rlimits: {core: 0, nofile: {soft: 100, hard: 100}}
    capabilities: [CAP_CHOWN, CAP_NET_ADMIN]
    filesystem: [{path: /n, access: r}, {path: /m/., access: rx}]
    seccomp: {architectures: [native], default: errno ENOSYS, denied: errno EPERM, allow: [write, read], deny: [ptrace, mmap]}
    environment: [B=2, A=1]
    listeners: {a: 3}
    command: ["/m", 'x']
    working_dir: /
    listener_protocol: systemd
    replicas: 1
    restart: no
    stop_signal: TERM
    stop_grace_period: 10s
    update_config: {order: stop-first}
    namespaces: [network, mount, ipc, uts, pid, cgroup]
    network: {mode: none}
listeners: {a: {address: "127.0.0.1:80", backlog: 511}}
`
	a, m := parseOne(t, base)
	b, n := parseOne(t, other)
	if diff := cmp.Diff(items(m.Sections()), items(n.Sections())); diff != "" {
		t.Errorf("modules:\n%s", diff)
	}
	if diff := cmp.Diff(items(a.Listeners[0].Sections()), items(b.Listeners[0].Sections())); diff != "" {
		t.Errorf("listeners:\n%s", diff)
	}
	for _, s := range n.Sections() {
		if s.Pos.Line < 1 || s.Pos.File != "p.yaml" {
			t.Errorf("%s has no place: %v", s.Key, s.Pos)
		}
	}
}

func TestItems(t *testing.T) {
	p := completeModules(t)
	got := map[string]string{}
	for _, s := range p.Modules[0].Sections() {
		if _, twice := got[s.Key]; twice {
			t.Errorf("%s is there twice", s.Key)
		}
		got[s.Key] = strings.Join(s.Items, ", ")
	}
	for key, want := range map[string]string{
		"command":           "/usr/sbin/nginx, -c, /etc/nginx/nginx.conf, -g, daemon off; # $x /usr/bin/supervisor",
		"user":              "www-data",
		"listeners":         "http 3, api 4, http6 5",
		"replicas":          "2",
		"restart":           "policy on-failure, delay 200ms, max_delay 1m0s, burst 5, window 1m0s, reset_after 10s",
		"stop_signal":       "SIGQUIT",
		"update_config":     "order start-first",
		"healthcheck":       "notify, interval 10s, timeout 1s, retries 3, start_period 1m0s, watchdog 20s",
		"seccomp.default":   "errno ENOSYS",
		"seccomp.deny":      "execve, execveat",
		"network":           "mode loopback",
		"capabilities":      "CAP_NET_ADMIN, CAP_NET_BIND_SERVICE",
		"rlimits":           "core 0, cpu 60, memlock 65536 of unlimited, nofile 65536",
		"resources":         "cpu.max 50000/100000, memory.max 256M, pids.max 64",
		"best_effort":       "landlock, network, resources",
		"namespaces":        "cgroup, ipc, mount, network, pid, uts",
		"stop_grace_period": "30s",
		"filesystem": "/etc/nginx r if_exists, /lib rx, /proc r proc pid, /run/s control self, /sys/fs/cgroup rw cgroup own, " +
			"/tmp rw tmpfs 16M mode 0700, /usr rx, /var/log/nginx rw",
	} {
		if got[key] != want {
			t.Errorf("%s is\n%s, want\n%s", key, got[key], want)
		}
	}
	if e := got["environment"]; strings.Contains(e, "UTF-8") || !strings.Contains(e, "LANG #") {
		t.Errorf("environment is %s", e)
	}
	if s := p.Modules[1].Sections(); !slices.Contains(items(s), `healthcheck ["tcp 127.0.0.1:9000" "interval 5s" "timeout 2s" "retries 4" "start_period 0s" "watchdog 0s"]`) {
		t.Errorf("%v", items(s))
	}
	if s := p.Listeners[0].Sections(); strings.Join(items(s), "\n") != `name ["api"]
address ["unix:/srv/app/api.sock"]
backlog ["511"]
mode ["0660"]
user ["www-data"]
group ["33"]` {
		t.Errorf("%s", strings.Join(items(s), "\n"))
	}
	dynamic := Module{DynamicUser: Value[bool]{V: true}}
	if s := dynamic.Sections(); !slices.Contains(items(s), `user ["dynamic: true"]`) {
		t.Errorf("%v", items(s))
	}
}
