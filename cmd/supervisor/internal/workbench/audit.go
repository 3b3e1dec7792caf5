package workbench

import (
	"errors"
	"fmt"
	"time"

	"github.com/bulkhead/bulkhead/core/policy/audit"
)

// audit reports weaknesses of policies. The status is that of findings when nobody took on one that weighs as much as the option fail-on.
func (t *task) audit() error {
	show, err := audit.ParseSeverity(t.option("show"))
	if err != nil {
		return fmt.Errorf("show: %w", err)
	}
	least, err := failOn(t.option("fail-on"))
	if err != nil {
		return fmt.Errorf("fail-on: %w", err)
	}
	policies, err := t.policies()
	if err != nil {
		return err
	}
	var all audit.Report
	var errs []error
	for _, p := range policies {
		report, err := audit.Policy(p, audit.Options{Now: time.Unix(t.Now, 0)})
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.File, err))
		}
		all.Findings = append(all.Findings, report.Findings...)
	}
	if len(all.Unaccepted(least)) > 0 {
		t.found()
	}
	if t.option("output") == "json" {
		err = audit.RenderJSON(&t.out, all.Findings)
	} else {
		err = audit.Render(&t.out, all.Findings, audit.RenderOptions{Source: t.text, Least: show})
	}
	return errors.Join(append(errs, err)...)
}

// failOn reads the severity from which on findings are a failure; "none" is above all.
func failOn(name string) (audit.Severity, error) {
	if name == "none" {
		return audit.High + 1, nil
	}
	s, err := audit.ParseSeverity(name)
	if err != nil {
		err = fmt.Errorf("%w, or none", err)
	}
	return s, err
}
