package policy

import (
	"fmt"
	"reflect"
	"strconv"
	"testing"
)

// valuePlaces are where each kind of value can stand, with a value that is right there.
func valuePlaces() []struct{ key, before, after, seed string } {
	return []struct{ key, before, after, seed string }{
		{"action", "    seccomp: {allow: [read], denied: ", "}\n", "errno EPERM"},
		{"action of a rule", "    seccomp: {allow: [read], deny: [{call: clone3, action: ", "}]}\n", "kill_thread"},
		{"duration", "    stop_grace_period: ", "\n", "1m30s"},
		{"size", "    resources: {memory.max: ", "}\n", "256M"},
		{"share", "    resources: {cpu.max: ", "}\n", "20000 50000"},
		{"limit", "    rlimits: {cpu: ", "}\n", "90s"},
		{"signal", "    stop_signal: ", "\n", "RTMIN+3"},
		{"listener", "    listeners: {l: 3}\nlisteners: {l: {address: ", "}}\n", "udp:[::1]:53"},
		{"mode", "    listeners: {l: 3}\nlisteners: {l: {address: \"unix:/x\", mode: ", "}}\n", "0660"},
		{"probe", "    namespaces: [mount, pid, ipc, uts, cgroup]\n    network: {mode: host}\n    healthcheck: {tcp: ", "}\n", "127.0.0.1:80"},
		{"account", "    user: ", "\n", "www-data"},
		{"kernel", "kernel: ", "\n", ">=6.1"},
		{"variable", "    environment: [", "]\n", "A=$$b"},
	}
}

// valued returns a policy with a value at one of the places.
func valued(place int, text string) []byte {
	p := valuePlaces()[place]
	policy := "version: 1\nmodules:\n  m:\n    command: [/x]\n    filesystem: [{path: /usr}]\n"
	if p.key != "action" && p.key != "action of a rule" {
		policy += "    seccomp: {allow: [read]}\n"
	}
	return []byte(policy + p.before + strconv.QuoteToASCII(text) + p.after)
}

// FuzzValues puts a text where an action, a size, a time, an address … belongs: it is refused with a place, or what it means is accepted
// as it is printed, and means the same.
func FuzzValues(f *testing.F) {
	for i, p := range valuePlaces() {
		f.Add(uint8(i), p.seed)
	}
	f.Fuzz(func(t *testing.T, place uint8, text string) {
		if len(text) > 200 {
			return
		}
		source := valued(int(place)%len(valuePlaces()), text)
		checkInvariants(t, source)
		p, _ := Parse("p.yaml", source, testOptions())
		if p == nil {
			return
		}
		for _, canonical := range canonicalValues(p)[valuePlaces()[int(place)%len(valuePlaces())].key] {
			source := valued(int(place)%len(valuePlaces()), canonical)
			again, ds := Parse("p.yaml", source, testOptions())
			if again == nil {
				t.Fatalf("%q is accepted, and %q, which is the same, is not: %v", text, canonical, ds)
			}
			if !reflect.DeepEqual(p.Meaning(), again.Meaning()) || p.Kernel.V != again.Kernel.V {
				t.Fatalf("%q means\n%v\nand %q\n%v", text, p.Meaning(), canonical, again.Meaning())
			}
		}
	})
}

// canonicalValues are the values as they are printed, by their kind.
func canonicalValues(p *Policy) map[string][]string {
	m := p.Modules[0]
	values := map[string][]string{
		"action":   {m.Seccomp.Denied.V.String()},
		"duration": {m.StopGracePeriod.V.String()},
		"signal":   {strconv.Itoa(int(m.StopSignal.V))},
		"account":  {m.User.V},
	}
	for _, c := range m.Seccomp.Deny {
		if c.Answer != nil {
			values["action of a rule"] = []string{c.Answer.String()}
		}
	}
	for _, l := range p.Listeners {
		values["mode"] = []string{fmt.Sprintf("%04o", l.Mode.V)}
		switch l.Network {
		case "unix":
			values["listener"] = []string{"unix:" + l.Path}
		case "udp":
			values["listener"] = []string{"udp:" + l.Addr.String()}
		default:
			values["listener"] = []string{l.Addr.String()}
		}
	}
	if m.Health.Addr.IsValid() {
		values["probe"] = []string{m.Health.Addr.String()}
	}
	return values
}

func TestValuePlaces(t *testing.T) {
	for i, p := range valuePlaces() {
		if parsed, ds := Parse("p.yaml", valued(i, p.seed), testOptions()); parsed == nil {
			t.Errorf("%s: %v\n%s", p.key, ds, valued(i, p.seed))
		}
	}
}
