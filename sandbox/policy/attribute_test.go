package policy

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// plainAttributes are those of a module that says nothing of them.
var plainAttributes = Attributes{Umask: Value[uint32]{V: 0o022}}

func TestAttributes(t *testing.T) {
	p, ds := Parse("p.yaml", []byte(strings.ReplaceAll(module("namespaces: [mount, uts, network, time]", "hostname: web-1.example", "domainname: nis",
		"umask: \"0077\"", "nice: -5", "oom_score_adj: 0", "cpu_affinity: [5, 1-3, \"64\"]", "time_offsets: {monotonic: 1h, boottime: -1m30s}"), "«", "")), testOptions())
	if p == nil {
		t.Fatal(ds)
	}
	a := p.Modules[0].Attributes
	var cpus []int
	for _, c := range a.CPUAffinity {
		cpus = append(cpus, c.V)
	}
	if a.Hostname.V != "web-1.example" || a.Domainname.V != "nis" || a.Umask.V != 0o077 || a.Nice.V != -5 || !a.OOMScoreAdj.Set() ||
		a.Monotonic.V != time.Hour || a.Boottime.V != -90*time.Second || !slices.Equal(cpus, []int{1, 2, 3, 5, 64}) {
		t.Errorf("%+v", a)
	}
	for key, want := range map[string]string{"hostname": "web-1.example", "domainname": "nis", "umask": "0077", "nice": "-5", "oom_score_adj": "0",
		"cpu_affinity": "1 2 3 5 64", "time_offsets": "monotonic 1h0m0s boottime -1m30s"} {
		for _, s := range p.Modules[0].Sections() {
			if s.Key == key && strings.Join(s.Items, " ") != want {
				t.Errorf("%s is %v, want %s", key, s.Items, want)
			}
		}
	}
}
