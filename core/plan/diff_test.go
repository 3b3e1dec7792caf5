package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

func at(line int) policy.Pos { return policy.Pos{File: "web.yaml", Line: line, Col: 1} }

func value[T any](v T, line int) policy.Value[T] { return policy.Value[T]{V: v, Pos: at(line)} }

// web is a module that inherits one listener.
func web() policy.Module {
	return policy.Module{Name: "web", Pos: at(10), Command: []policy.Value[string]{value("/bin/web", 11)}, Replicas: value(1, 12),
		UpdateOrder: value("start-first", 13), Listeners: []policy.ListenerRef{{Name: "http", FD: 3, Pos: at(14)}}, StopSignal: value(15, 15),
		Environment: []policy.EnvVar{{Name: "LANG", Value: "C", Pos: at(16)}},
		Seccomp:     policy.Seccomp{Pos: at(17), Allow: []policy.Call{{Name: "chmod", Pos: at(18)}, {Name: "read", Pos: at(18)}}}}
}

func http(port uint16) policy.Listener {
	return policy.Listener{Name: "http", Pos: at(3), Network: "tcp", Addr: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port), Backlog: value(511, 4)}
}

func TestDiff(t *testing.T) {
	type config struct {
		listeners []policy.Listener
		modules   []policy.Module
	}
	base := func() config { return config{[]policy.Listener{http(80)}, []policy.Module{web()}} }
	for _, c := range []struct {
		name   string
		change func(*config)
		digest bool // the host has changed
		want   string
	}{
		{name: "nothing", change: func(*config) {}, want: `
keep  listener  http  identity unchanged
keep  module    web   unchanged
generation 4 -> 5: nothing changes; 1 module kept; 1 listener kept`},
		{name: "system calls", change: func(c *config) {
			c.modules[0].Seccomp.Allow = []policy.Call{{Name: "connect", Pos: at(18)}, {Name: "read", Pos: at(18)}, {Name: "socket", Pos: at(18)}}
		}, want: `
keep     listener  http  identity unchanged
replace  module    web   seccomp.allow: added connect, socket; removed chmod (web.yaml:18) (start-first)
generation 4 -> 5: 1 module replaced; 1 listener kept`},
		{name: "several", change: func(c *config) {
			m := &c.modules[0]
			m.Command = append(m.Command, value("-v", 11))
			m.Environment = []policy.EnvVar{{Name: "LANG", Value: "de", Pos: at(16)}, {Name: "NEW", Value: "1", Pos: at(16)}}
			m.UpdateOrder.V = "stop-first"
		}, want: `
keep     listener  http  identity unchanged
replace  module    web   command: /bin/web -> /bin/web -v (web.yaml:11) (stop-first)
                         environment: changed LANG; added NEW (web.yaml:16)
                         update_config: order start-first -> order stop-first (web.yaml:13)
generation 4 -> 5: 1 module replaced; 1 listener kept`},
		{name: "settings of the manager", change: func(c *config) {
			c.modules[0].StopSignal.V = 3
			c.modules[0].Restart.Delay = value(time.Second, 20)
		}, want: `
keep    listener  http  identity unchanged
change  module    web   restart: delay 0s -> delay 1s (web.yaml:10)
                        stop_signal: SIGTERM -> SIGQUIT (web.yaml:15)
generation 4 -> 5: 1 module changed in place; 1 listener kept`},
		{name: "replicas", change: func(c *config) { c.modules[0].Replicas.V = 3 }, want: `
keep    listener  http    identity unchanged
start   module    web[1]  replicas: 1 -> 3
start   module    web[2]  replicas: 1 -> 3
change  module    web     replicas: 1 -> 3 (web.yaml:12)
generation 4 -> 5: 1 module changed in place; 1 listener kept`},
		{name: "the host", change: func(*config) {}, digest: true, want: `
keep     listener  http  identity unchanged
replace  module    web   what the policy names on this host has changed (start-first)
generation 4 -> 5: 1 module replaced; 1 listener kept`},
		{name: "backlog", change: func(c *config) { c.listeners[0].Backlog.V = 10 }, want: `
change  listener  http  backlog: 511 -> 10 (web.yaml:4)
keep    module    web   unchanged
generation 4 -> 5: 1 module kept; 1 listener changed in place`},
		{name: "another address", change: func(c *config) { c.listeners[0] = http(81) }, want: `
open     listener  http  address: tcp:127.0.0.1:80 -> tcp:127.0.0.1:81 (web.yaml:3)
replace  module    web   listener http: another socket, tcp:127.0.0.1:80 -> tcp:127.0.0.1:81 (start-first)
close    listener  http  nobody listens on tcp:127.0.0.1:80 any more
generation 4 -> 5: 1 module replaced; 1 listener opened, 1 closed`},
		{name: "another name of a listener", change: func(c *config) {
			c.listeners[0].Name = "www"
			c.modules[0].Listeners[0].Name = "www"
		}, want: `
change   listener  www  name: http -> www (web.yaml:3)
replace  module    web  listeners: http 3 -> www 3 (web.yaml:14) (start-first)
generation 4 -> 5: 1 module replaced; 1 listener changed in place`},
		{name: "another module", change: func(c *config) { c.modules[0].Name = "w" }, want: `
keep   listener  http  identity unchanged
start  module    w     new (web.yaml:10)
stop   module    web   not in the policy any more
generation 4 -> 5: 1 module started, 1 stopped; 1 listener kept`},
		{name: "nothing left", change: func(c *config) { *c = config{} }, want: `
close  listener  http  nobody listens on tcp:127.0.0.1:80 any more
stop   module    web   not in the policy any more
generation 4 -> 5: 1 module stopped; 1 listener closed`},
	} {
		t.Run(c.name, func(t *testing.T) {
			was, is := base(), base()
			c.change(&is)
			from, to := outline(4, was.listeners, was.modules...), outline(5, is.listeners, is.modules...)
			if c.digest {
				to.Modules[0].Digest[3] = 1
			}
			p, problems := Diff(from, to)
			if len(problems) > 0 {
				t.Error(problems)
			}
			if got := Text(p); got != c.want[1:]+"\n" {
				t.Errorf("got\n%s\nwant%s", got, c.want)
			}
		})
	}
}

func TestFewerReplicasStopTheLastFirst(t *testing.T) {
	was, is := web(), web()
	was.Replicas.V = 4
	is.Replicas.V = 2
	p, _ := Diff(outline(1, nil, was), outline(2, nil, is))
	var got []int
	for _, a := range p.Actions {
		if a.Verb == api.Stop {
			got = append(got, *a.Replica)
		}
	}
	if !slices.Equal(got, []int{3, 2}) {
		t.Error(got)
	}
}

// TestStartFirstNeedsInheritedSockets: only a module that is replaced is refused, with the place to change.
func TestStartFirstNeedsInheritedSockets(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*policy.Module)
		want   string
	}{
		{"inherits", func(*policy.Module) {}, ""},
		{"no listener", func(m *policy.Module) { m.Listeners = nil }, `start-first: module "web" inherits no listener`},
		{"binds a port", func(m *policy.Module) {
			m.Health.Kind.V, m.Health.Addr = "tcp", netip.MustParseAddrPort("127.0.0.1:9000")
		}, `start-first: module "web" binds 127.0.0.1:9000 for itself`},
		{"stop-first", func(m *policy.Module) { m.Listeners, m.UpdateOrder.V = nil, "stop-first" }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			was, is := web(), web()
			c.change(&was)
			c.change(&is)
			if _, problems := Diff(outline(1, nil, was), outline(2, nil, is)); len(problems) > 0 {
				t.Errorf("not replaced, and refused: %v", problems)
			}
			is.WorkingDir.V = "/new"
			_, problems := Diff(outline(1, nil, was), outline(2, nil, is))
			if c.want == "" {
				if len(problems) > 0 {
					t.Error(problems)
				}
				return
			}
			if len(problems) != 1 || !strings.HasPrefix(problems[0].Text, c.want) || problems[0].Place != "web.yaml:13" {
				t.Fatalf("%v", problems)
			}
			if s := problems[0].String(); !strings.Contains(s, "web.yaml:13   help: write update_config") {
				t.Error(s)
			}
		})
	}
}

func TestReasonsAreShort(t *testing.T) {
	var was, is []string
	for i := range 500 {
		is = append(is, fmt.Sprint("call", i))
	}
	if r := reason("seccomp.allow", was, is); r != "seccomp.allow: added call0, call1, call2, call3, call4, call5, call6, call7 and 492 more" {
		t.Error(r)
	}
	if r := reason("user", []string{""}, []string{strings.Repeat("ü", 500)}); len(r) > 200 || !strings.HasPrefix(r, "user: none -> ü") {
		t.Error(r)
	}
	if r := reason("listeners", []string{"a 3", "b 4"}, []string{"b 4", "a 3"}); r != "listeners: another order" {
		t.Error(r)
	}
}

// anyOutline draws configurations that have something to do with each other.
func anyOutline(t *rapid.T, g wire.GenerationID) wire.Outline {
	var ls []policy.Listener
	for _, name := range []string{"a", "b", "c"} {
		if rapid.Bool().Draw(t, "listener") {
			l := http(uint16(80 + len(ls)*10 + rapid.IntRange(0, 1).Draw(t, "port")))
			l.Name, l.Backlog.V = name, rapid.IntRange(1, 2).Draw(t, "backlog")
			ls = append(ls, l)
		}
	}
	var ms []policy.Module
	for _, name := range rapid.Permutation([]string{"p", "q", "r", "s"}).Draw(t, "names") {
		if !rapid.Bool().Draw(t, "module") {
			continue
		}
		m := web()
		m.Name, m.Listeners = name, nil
		m.Replicas.V = rapid.IntRange(1, 3).Draw(t, "replicas")
		m.StopSignal.V = rapid.IntRange(1, 2).Draw(t, "signal")
		m.WorkingDir.V = rapid.SampledFrom([]string{"/", "/x"}).Draw(t, "directory")
		m.UpdateOrder.V = rapid.SampledFrom([]string{"start-first", "stop-first"}).Draw(t, "order")
		for i, l := range ls {
			if rapid.Bool().Draw(t, "inherits") {
				m.Listeners = append(m.Listeners, policy.ListenerRef{Name: l.Name, FD: 3 + i})
			}
		}
		ms = append(ms, m)
	}
	return outline(g, ls, ms...)
}

func TestDiffProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyOutline(t, 1), anyOutline(t, 2)
		same, problems := Diff(a, a)
		if Changes(same) || len(problems) > 0 {
			t.Fatalf("the difference of a configuration and itself:\n%s%v", Text(same), problems)
		}
		p, problems := Diff(a, b)
		again, _ := Diff(a, b)
		if Text(p) != Text(again) {
			t.Fatalf("not the same twice:\n%s\n%s", Text(p), Text(again))
		}
		modules, wanted, gone := map[string]api.Action{}, map[string]int{}, map[string]int{}
		refused := 0
		for _, x := range p.Actions {
			if len(x.Reasons) == 0 {
				t.Fatalf("no reason: %v", x)
			}
			switch {
			case x.Kind == "listener" && x.Verb == api.Close:
				gone[x.Name]++
			case x.Kind == "listener":
				wanted[x.Name]++
			case x.Replica == nil:
				if _, twice := modules[x.Name]; twice {
					t.Fatalf("%s is there twice:\n%s", x.Name, Text(p))
				}
				modules[x.Name] = x
			}
		}
		find := func(o wire.Outline, name string) *wire.Module {
			for i := range o.Modules {
				if o.Modules[i].Name == name {
					return &o.Modules[i]
				}
			}
			return nil
		}
		for name, x := range modules {
			was, is := find(a, name), find(b, name)
			switch x.Verb {
			case api.Start:
				if was != nil || is == nil {
					t.Fatalf("%v", x)
				}
			case api.Stop:
				if was == nil || is != nil {
					t.Fatalf("%v", x)
				}
			case api.Replace:
				if x.Order != is.UpdateOrder {
					t.Fatalf("%v", x)
				}
				if x.Order == StartFirst && len(is.Listeners) == 0 {
					refused++
				}
			case api.Keep, api.Change:
				if was == nil || is == nil {
					t.Fatalf("%v", x)
				}
			default:
				t.Fatalf("%v", x)
			}
		}
		for _, o := range []wire.Outline{a, b} {
			for _, m := range o.Modules {
				if _, ok := modules[m.Name]; !ok {
					t.Fatalf("nothing about %s:\n%s", m.Name, Text(p))
				}
			}
		}
		for _, l := range b.Listeners {
			if wanted[l.Name] != 1 {
				t.Fatalf("listener %s %d times:\n%s", l.Name, wanted[l.Name], Text(p))
			}
		}
		if refused != len(problems) {
			t.Fatalf("%d problems, want %d: %v", len(problems), refused, problems)
		}
	})
}
