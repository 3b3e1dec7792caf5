package policy

import (
	"net/netip"
	"time"
)

const (
	// SettlingTime is how long an instance without a healthcheck must run to count as ready.
	SettlingTime = 250 * time.Millisecond
	// DefaultStartTimeout is how long a start may take when the healthcheck has no start_period.
	DefaultStartTimeout = 30 * time.Second

	shortestProbe = 10 * time.Millisecond
	maxRetries    = 1000
)

// StartTimeout returns how long an instance may take to get ready before its start counts as failed: the start_period that is
// written, or DefaultStartTimeout. Without a healthcheck nothing can be late, and it returns 0.
func (h Health) StartTimeout() time.Duration {
	switch {
	case h.Kind.V == "":
		return 0
	case h.StartPeriod.V > 0:
		return h.StartPeriod.V
	}
	return DefaultStartTimeout
}

func defaultHealth() Health {
	return Health{Interval: Value[time.Duration]{V: 10 * time.Second}, Timeout: Value[time.Duration]{V: time.Second}, Retries: Value[int]{V: 3}}
}

// health reads how it is found out whether an instance is ready and answers.
func (d *decoder) health(n *node) Health {
	h := defaultHealth()
	f, ok := d.fields(n, "healthcheck", "a map such as {notify: true}",
		"notify", "tcp", "interval", "timeout", "retries", "start_period", "watchdog")
	if !ok {
		return h
	}
	h.Pos = n.pos
	d.healthKind(f, &h)
	for _, k := range []struct {
		key   string
		least time.Duration
		to    *Value[time.Duration]
	}{{"interval", shortestProbe, &h.Interval}, {"timeout", shortestProbe, &h.Timeout}, {"start_period", shortestProbe, &h.StartPeriod},
		{"watchdog", shortestProbe, &h.Watchdog}} {
		n := f.get(k.key)
		if n == nil {
			continue
		}
		v := d.duration(n, k.key)
		if v.Set() && v.V < k.least {
			d.report(codeRange, n.span, "%s is %s; the shortest is %s", k.key, v.V, k.least)
			continue
		}
		*k.to = v
	}
	if n := f.get("retries"); n != nil {
		h.Retries = d.number(n, "retries", 1, maxRetries)
	}
	d.healthEffects(f, h)
	return h
}

// healthKind reads which of notify and tcp a healthcheck is.
func (d *decoder) healthKind(f fields, h *Health) {
	later := false // a kind that the language has and this version does not do: reported as such
	for _, e := range f.n.entries {
		switch e.key {
		case "http", "exec", "test", "disable":
			later = true
			continue
		case "notify", "tcp":
		default:
			continue
		}
		if h.Kind.V != "" {
			d.report(codeTwice, e.at, "a healthcheck is one of notify and tcp").help("remove one of them")
			return
		}
		h.Kind = Value[string]{e.key, e.at.pos}
		if e.key == "tcp" {
			h.Addr, _ = d.probeAddress(e.value)
		} else if !d.boolean(e.value) && e.value.kind == kindScalar && e.value.plainKind() == plainBool {
			d.report(codeNoEffect, e.value.span, "notify: false has no effect").help("write notify: true, or remove the healthcheck")
		}
	}
	if h.Kind.V == "" && !later && !d.partial {
		d.report(codeMissingKey, f.n.span, `healthcheck has neither "notify" nor "tcp"`).help(`add notify: true or tcp: "127.0.0.1:8080"`)
	}
}

// healthEffects reports the keys that mean nothing for the kind of healthcheck.
func (d *decoder) healthEffects(f fields, h Health) {
	if d.partial {
		return
	}
	idle := map[string][]string{"notify": {"interval", "timeout", "retries"}, "tcp": {"watchdog"}}[h.Kind.V]
	for _, key := range idle {
		if e := f.n.entry(key); e != nil {
			g := d.report(codeNoEffect, e.at, "%s has no effect with %s", key, h.Kind.V)
			if h.Kind.V == "notify" {
				g.help("remove it; watchdog says how often the module must give a sign of life")
			} else {
				g.help("remove it; a watchdog needs notify: true")
			}
		}
	}
}

// probeAddress reads where a TCP probe connects to.
func (d *decoder) probeAddress(n *node) (netip.AddrPort, bool) {
	s, ok := d.text(n, `an address such as "127.0.0.1:8080"`)
	if !ok {
		return netip.AddrPort{}, false
	}
	addr, ok := d.ipPort(n, s, "")
	switch {
	case !ok:
		return netip.AddrPort{}, false
	case addr.Addr().IsUnspecified(), addr.Addr().IsMulticast(), addr.Port() == 0:
		g := d.report(codeAddress, n.span, "%q is nothing to connect to", s)
		if addr.Addr().IsUnspecified() && addr.Port() != 0 {
			host := netip.IPv6Loopback()
			if addr.Addr().Is4() {
				host = netip.AddrFrom4([4]byte{127, 0, 0, 1})
			}
			g.hint(didYouMean(netip.AddrPortFrom(host, addr.Port()).String()))
		}
		return netip.AddrPort{}, false
	}
	return addr, true
}

// probeReach reports TCP probes that say nothing about the module. Probes are made from the host's network: a socket that the module
// opened in a network of its own is not there, and one that the supervisor holds open answers by itself.
func (d *decoder) probeReach(f fields, m *Module) {
	if m.Health.Kind.V != "tcp" || !m.Health.Addr.IsValid() {
		return
	}
	at := f.get("healthcheck").entry("tcp").value.span
	for _, ref := range m.Listeners {
		if l := d.listeners[ref.Name]; l != nil && l.takes(m.Health.Addr) {
			d.report(codeProvesNothing, at, "the probe of %s proves nothing: the supervisor holds listener %q open, so the kernel takes connections while the module is down",
				m.Health.Addr, ref.Name).help("write notify: true if the program can, or remove the healthcheck")
			return
		}
	}
	if m.Network.V == NetworkHost {
		return
	}
	d.report(codeUnreachable, at, "the probe of %s cannot reach module %q, which has a network of its own", m.Health.Addr, m.Name).
		help("write notify: true, or network: {mode: host}")
}

// takes tells whether a TCP connection to an address comes to the listener.
func (l *listenerUse) takes(addr netip.AddrPort) bool {
	return l.Network == "tcp" && l.Addr.Port() == addr.Port() && l.Addr.Addr().Is4() == addr.Addr().Is4() &&
		(l.Addr.Addr() == addr.Addr() || l.Addr.Addr().IsUnspecified())
}
