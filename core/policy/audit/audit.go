package audit

import (
	"errors"
	"fmt"
	"time"

	"github.com/bulkhead/bulkhead/core/policy/reach"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Options say how an audit is made.
type Options struct {
	Now time.Time // which acceptances have expired
}

// Policy audits every module of a policy, each by itself and together. An error means that something could not be decided; the
// report then has what was.
func Policy(p *policy.Policy, opt Options) (*Report, error) {
	report := &Report{}
	var errs []error
	for i := range p.Modules {
		found, err := module(&p.Modules[i])
		if err != nil {
			errs = append(errs, fmt.Errorf("audit module %s: %w", p.Modules[i].Name, err))
		}
		report.Findings = append(report.Findings, found...)
	}
	report.Findings = append(report.Findings, sharedUsers(p)...)
	for i := range p.Modules {
		m := &p.Modules[i]
		report.Findings = accept(report.Findings, m.Name, m.Accept, m.Pos, opt.Now)
	}
	complete(report.Findings)
	sorted(report.Findings)
	return report, errors.Join(errs...)
}

// module returns the findings of one module, before acceptances.
func module(m *policy.Module) ([]Finding, error) {
	set, err := reach.New(m.Seccomp)
	if err != nil {
		return nil, err
	}
	c := &check{module: m, set: set}
	c.architectures()
	c.types()
	c.deadRules()
	c.families()
	c.hazards()
	c.fallbacks()
	c.sockets()
	c.fileless()
	c.writableCode()
	c.capabilities()
	c.makesUserNamespaces()
	c.filesystem()
	c.limits()
	c.user()
	c.groups()
	c.shares()
	return c.found, errors.Join(c.errs...)
}

// complete fills in what a finding has from its rule.
func complete(list []Finding) {
	for i := range list {
		rule, _ := RuleByID(list[i].Rule)
		if list[i].Gives == "" {
			list[i].Gives = rule.Gives
		}
		if list[i].Source == "" {
			list[i].Source = rule.Source
		}
		if list[i].Fix == "" {
			list[i].Fix = rule.Fix
		}
	}
}
