package main

import (
	"fmt"
	"time"

	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// loads measures seccomp(SECCOMP_SET_MODE_FILTER) alone, each time in a new process.
func (b *bench) loads() error {
	docker, err := dockerSection(seccomp.Native())
	if err != nil {
		return err
	}
	service, err := groupSection("@system-service")
	if err != nil {
		return err
	}
	for _, c := range []struct {
		section section
		suffix  string
	}{{docker, ""}, {service, "_system_service"}} {
		tree, err := b.library(c.section, false)
		if err != nil {
			return err
		}
		linear, err := b.library(c.section, true)
		if err != nil {
			return err
		}
		fmt.Println("  " + c.section.name)
		loads := func(name string, f *seccomp.Filter) contender {
			return contender{fmt.Sprintf("load %s (%d instructions)", name, f.Instructions), func() (time.Duration, error) { return filtered(f.Program) }}
		}
		s, err := takeTurns(b.rounds(200), loads("ours", c.section.own), loads("libseccomp's tree", tree), loads("libseccomp's linear", linear))
		if err != nil {
			return err
		}
		figure("load_vs_libseccomp_tree"+c.suffix, ratio(s), 0.6)
		figure("load_vs_libseccomp_linear"+c.suffix, s[0].median()/s[2].median(), 0)
	}
	return nil
}
