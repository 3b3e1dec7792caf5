package main

import (
	"errors"
	"fmt"
	"os"
)

// execs compares the whole tool with bwrap.
func (b *bench) execs() (err error) {
	text, err := os.ReadFile(b.locked)
	if err != nil {
		return err
	}
	pol, err := parse("locked.yaml", string(text))
	if err != nil {
		return err
	}
	filter, err := b.filterOf(pol)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.kernel.Close(filter)) }()
	ours := command{argv: []string{b.supervisor, "exec", "--policy", b.locked, "--", "/bin/true"}, filter: -1}
	theirs := b.bwrapCommand(filter, !b.root(), []string{"/usr"}, "/bin/true")
	if !b.root() {
		return b.compare("exec_vs_bwrap_rootless", 0, ours, theirs)
	}
	if err := b.compare("exec_vs_bwrap", 2.5, ours, theirs); err != nil {
		return err
	}
	theirs = b.bwrapCommand(filter, true, []string{"/usr"}, "/bin/true")
	ours.user, theirs.user = b.facts.OverflowUID, b.facts.OverflowUID
	// What hosts forbid to ordinary users is no fault of either tool; what bwrap can, ours must.
	if _, err := b.starter(theirs.child(b.null))(); err != nil {
		fmt.Printf("exec_vs_bwrap_rootless: not measured: bwrap cannot run as user %d here: %v\n", theirs.user, err)
		return nil
	}
	return b.compare("exec_vs_bwrap_rootless", 0, ours, theirs)
}

func (b *bench) compare(name string, goal float64, ours, theirs command) error {
	s, err := takeTurns(b.rounds(200), contender{"supervisor exec", b.starter(ours.child(b.null))}, contender{"bwrap", b.starter(theirs.child(b.null))})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	figure(name, ratio(s), goal)
	return nil
}
