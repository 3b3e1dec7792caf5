package plan

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// outline makes of policy's types what the compile process makes of them.
func outline(g wire.GenerationID, listeners []policy.Listener, modules ...policy.Module) wire.Outline {
	o := wire.Outline{Generation: g, Listeners: listeners}
	for _, m := range modules {
		w := wire.Module{Name: m.Name, Pos: m.Pos, Replicas: m.Replicas.V, UpdateOrder: m.UpdateOrder.V, Sections: m.Sections(),
			Health: wire.Health{Kind: m.Health.Kind.V, Addr: m.Health.Addr}}
		for _, l := range m.Listeners {
			w.Listeners = append(w.Listeners, l.Name)
		}
		o.Modules = append(o.Modules, w)
	}
	return o
}

// fill gives every field below v a value that is not zero, and every list two elements.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Interface().(type) {
	case policy.Pos:
		v.Set(reflect.ValueOf(policy.Pos{File: "web.yaml", Line: *n, Col: 1}))
		return
	case netip.AddrPort:
		v.Set(reflect.ValueOf(netip.MustParseAddrPort(fmt.Sprintf("127.0.0.1:%d", 1000+*n))))
		return
	case *policy.Expr:
		v.Set(reflect.ValueOf(expression(fmt.Sprintf("fd == %d", *n))))
		return
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(int64(*n), 0)))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("v%d", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(1 + *n%40))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(1 + *n%2))
	default:
		panic("no value for " + v.Kind().String())
	}
}

// expression is a condition; the texts are this file's.
func expression(text string) *policy.Expr {
	e, err := policy.ParseExpr(text)
	if err != nil {
		panic(err)
	}
	return e
}

// leaves calls f for every field below v that is a value, with its path, after it was changed, and changes it back.
func leaves(v reflect.Value, path string, f func(path string)) {
	if _, ok := v.Interface().(policy.Pos); ok {
		return // a place is no configuration
	}
	old := reflect.New(v.Type()).Elem()
	old.Set(v)
	switch {
	case v.Type() == reflect.TypeFor[netip.AddrPort]():
		v.Set(reflect.ValueOf(netip.MustParseAddrPort("192.0.2.1:9")))
	case v.Type() == reflect.TypeFor[*policy.Expr]():
		v.Set(reflect.ValueOf(expression("count == 1")))
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(1<<40, 0)))
	case v.Kind() == reflect.Pointer:
		leaves(v.Elem(), path, f)
		v.SetZero()
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			leaves(v.Field(i), path+"."+v.Type().Field(i).Name, f)
		}
		return
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			leaves(v.Index(i), path, f)
		}
		v.Set(v.Slice(0, 1))
	case v.Kind() == reflect.String:
		v.SetString(v.String() + "x")
	case v.Kind() == reflect.Bool:
		v.SetBool(!v.Bool())
	case v.CanInt():
		v.SetInt(v.Int() + 1)
	default:
		v.SetUint(v.Uint() + 1)
	}
	f(path)
	v.Set(old)
}

// origins are fields that say where a value came from, or are for whoever reads or audits the policy; with another one it is the same configuration.
var origins = []string{".Seccomp.Allow.Group", ".Seccomp.Deny.Group", ".Rlimits.Resource", ".Seccomp.Idle", ".Seccomp.Idle.V", ".Seccomp.Allow.IfSupported", ".Seccomp.Deny.IfSupported",
	".Accept", ".Accept.Rule", ".Accept.Reason", ".Accept.Until"}

func verbs(p api.Plan) map[string]int {
	out := map[string]int{}
	for _, a := range p.Actions {
		out[a.Kind+" "+a.Verb]++
	}
	return out
}

func TestEveryFieldOfAModuleIsInThePlan(t *testing.T) {
	var m policy.Module
	n := 0
	fill(reflect.ValueOf(&m).Elem(), &n)
	m.Health.Kind.V = "notify"
	before := outline(1, nil, m)
	inPlace := []string{".Replicas", ".Restart", ".StopSignal", ".StopGracePeriod", ".UpdateOrder", ".Health"}
	tried := 0
	leaves(reflect.ValueOf(&m).Elem(), "", func(path string) {
		p, _ := Diff(before, outline(2, nil, m))
		got := verbs(p)
		want := map[string]int{"module replace": 1}
		switch {
		case contains(origins, path):
			want = map[string]int{"module keep": 1}
		case path == ".Name":
			want = map[string]int{"module start": 1, "module stop": 1}
		case path == ".Replicas.V":
			want = map[string]int{"module change": 1, "module start": 1}
		case strings.HasPrefix(path, ".Health.Kind"):
		case prefixed(inPlace, path):
			want = map[string]int{"module change": 1}
		}
		tried++
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
		if want["module replace"]+want["module change"] > 0 && !strings.Contains(p.Actions[len(p.Actions)-1].Reasons[0]+p.Actions[0].Reasons[0], "(web.yaml:") {
			t.Errorf("%s: no place in the reasons: %v", path, p.Actions)
		}
	})
	if tried < 70 {
		t.Errorf("only %d fields", tried)
	}
	if p, _ := Diff(before, outline(2, nil, m)); Changes(p) {
		t.Errorf("the test leaves a change behind: %s", Text(p))
	}
}

func TestEveryFieldOfAListenerIsInThePlan(t *testing.T) {
	var l policy.Listener
	n := 0
	fill(reflect.ValueOf(&l).Elem(), &n)
	before := outline(1, []policy.Listener{l})
	anew := []string{".Network", ".Addr", ".Path"}
	tried := 0
	leaves(reflect.ValueOf(&l).Elem(), "", func(path string) {
		p, _ := Diff(before, outline(2, []policy.Listener{l}))
		want := map[string]int{"listener change": 1}
		if contains(anew, path) {
			want = map[string]int{"listener open": 1, "listener close": 1}
		}
		tried++
		if got := verbs(p); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
		if !strings.Contains(p.Actions[0].Reasons[0], "(web.yaml:") {
			t.Errorf("%s: no place in %v", path, p.Actions[0].Reasons)
		}
	})
	if tried != 8 {
		t.Errorf("%d fields", tried)
	}
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

func prefixed(list []string, s string) bool {
	for _, v := range list {
		if strings.HasPrefix(s, v) {
			return true
		}
	}
	return false
}
