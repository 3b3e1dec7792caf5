package machine

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// spec is a module of a configuration in a test.
type spec struct {
	name      string
	version   string // another one is another launch program
	order     string // default "stop-first"
	health    string // "", "notify" or "tcp"
	restart   string // default "on-failure"
	replicas  int    // default 1
	grace     time.Duration
	watchdog  time.Duration
	listeners []string
	signal    int // default SIGTERM
}

// config is a configuration without its number.
type config struct {
	modules   []spec
	listeners []string // "name:port"
	broken    bool     // has errors
}

func (v spec) module() wire.Module {
	m := wire.Module{Name: v.name, Pos: policy.Pos{File: "t.yaml", Line: 5, Col: 1}, Command: []string{"/bin/" + v.name, v.version}, Replicas: max(v.replicas, 1),
		UpdateOrder: v.order, StopSignal: max(v.signal, 0), StopGracePeriod: v.grace, Listeners: v.listeners,
		Restart: wire.Restart{Policy: v.restart, Delay: 200 * time.Millisecond, MaxDelay: 10 * time.Second, Burst: 5, Window: time.Minute, ResetAfter: 10 * time.Second},
		Health:  wire.Health{Kind: v.health, Interval: 5 * time.Second, Timeout: time.Second, Retries: 3, Watchdog: v.watchdog}}
	if m.StopSignal == 0 {
		m.StopSignal = 15
	}
	if m.UpdateOrder == "" {
		m.UpdateOrder = "stop-first"
	}
	if m.StopGracePeriod == 0 {
		m.StopGracePeriod = 2 * time.Second
	}
	if m.Restart.Policy == "" {
		m.Restart.Policy = "on-failure"
	}
	if v.health != "" {
		m.Health.StartTimeout = 3 * time.Second
	}
	if v.health == "tcp" {
		m.Health.Addr = netip.MustParseAddrPort("127.0.0.1:9000")
	}
	at := policy.Pos{File: "t.yaml", Line: 7, Col: 1}
	m.Sections = []policy.Section{{Key: "command", Pos: at, Items: m.Command}, {Key: "replicas", Pos: at, Items: []string{fmt.Sprint(m.Replicas)}},
		{Key: "stop_signal", Pos: at, Items: []string{fmt.Sprint(m.StopSignal)}}, {Key: "update_config", Pos: at, Items: []string{m.UpdateOrder}},
		{Key: "healthcheck", Pos: at, Items: []string{v.health}}, {Key: "resources", Pos: at, Items: []string{"memory.max 64M"}}}
	copy(m.Digest[:], v.version)
	return m
}

func (c config) outline(g wire.GenerationID) wire.Outline {
	o := wire.Outline{Generation: g, Files: []string{"t.yaml"}}
	if c.broken {
		return wire.Outline{Rendered: "error[E201]: unknown system call\n  t.yaml:1:1\n", JSON: `[{"code":"E201"}]`}
	}
	for _, l := range c.listeners {
		name, port, _ := strings.Cut(l, ":")
		o.Listeners = append(o.Listeners, policy.Listener{Name: name, Network: "tcp", Addr: netip.MustParseAddrPort("127.0.0.1:" + port)})
	}
	for _, v := range c.modules {
		o.Modules = append(o.Modules, v.module())
	}
	return o
}
