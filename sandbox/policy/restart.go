package policy

import "time"

// defaultRestart are the values of a restart that is not written: nothing is started again. The delays are those
// that apply when only the policy is written.
func defaultRestart() Restart {
	return Restart{
		Policy:     Value[string]{V: "no"},
		Delay:      Value[time.Duration]{V: 200 * time.Millisecond},
		MaxDelay:   Value[time.Duration]{V: 30 * time.Second},
		Burst:      Value[int]{V: 5},
		Window:     Value[time.Duration]{V: time.Minute},
		ResetAfter: Value[time.Duration]{V: 10 * time.Second},
	}
}

// restart reads when a module is started again: a word as Compose has it, or a map.
func (d *decoder) restart(n *node) Restart {
	r := defaultRestart()
	if n.kind == kindScalar {
		r.Policy = d.restartPolicy(n)
		return r
	}
	f, ok := d.fields(n, "restart", "a word or a map such as {policy: on-failure}",
		"policy", "delay", "max_delay", "burst", "window", "reset_after")
	if !ok {
		return r
	}
	if p := f.get("policy"); p != nil {
		r.Policy = d.restartPolicy(p)
	} else if !d.partial {
		f.need("policy", n.span, "restart", "policy: on-failure, policy: always or policy: no")
	}
	for _, k := range []struct {
		key string
		to  *Value[time.Duration]
	}{{"delay", &r.Delay}, {"max_delay", &r.MaxDelay}, {"window", &r.Window}, {"reset_after", &r.ResetAfter}} {
		if n := f.get(k.key); n != nil {
			*k.to = d.duration(n, k.key)
		}
	}
	if n := f.get("burst"); n != nil {
		r.Burst = d.number(n, "burst", 1, 10_000)
	}
	if r.Delay.Set() && r.MaxDelay.Set() && r.Delay.V > r.MaxDelay.V {
		d.report(codeRange, f.get("max_delay").span, "max_delay %s is less than delay %s", r.MaxDelay.V, r.Delay.V)
	}
	if r.Policy.Set() && r.Policy.V == "no" {
		for _, e := range n.entries {
			if e.key != "policy" {
				d.report(codeNoEffect, e.at, "%s has no effect with policy: no", e.key).help("remove it, or write policy: on-failure")
			}
		}
	}
	return r
}

func (d *decoder) restartPolicy(n *node) Value[string] {
	if n.kind == kindScalar && n.text == "unless-stopped" {
		d.report(codeChoice, n.span, "unknown restart policy %q", n.text).hint(didYouMean("always")).
			help("a module that is stopped on purpose is not started again by `always` either")
		return Value[string]{}
	}
	if n.kind == kindScalar && n.plainKind() == plainBool && n.text == "false" {
		d.wrongType(n, "a restart policy").hint(didYouMean("no"))
		return Value[string]{}
	}
	return d.choice(n, "restart policy", "no", "on-failure", "always")
}
