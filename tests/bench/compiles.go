package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/launch"
)

// compiles measures what a launch does not include.
func (b *bench) compiles() (err error) {
	text := fmt.Sprintf(launchPolicy, b.dir)
	program, err := noop()
	if err != nil {
		return err
	}
	if _, err := b.write("noop", program, 0o755); err != nil {
		return err
	}
	pol, err := parse("bench.yaml", text)
	if err != nil {
		return err
	}
	l, err := launch.New(b.kernel, launch.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	s, err := takeTurns(b.rounds(100), contender{"compile in a confined process", func() (time.Duration, error) {
		begin := time.Now()
		plan, err := compile.Run(b.kernel, l, compile.Request{Sources: []compile.Source{{Name: "bench.yaml", Dir: "/", Text: []byte(text)}}, Facts: b.facts})
		took := time.Since(begin)
		if err == nil && len(plan.Modules) != 1 {
			err = fmt.Errorf("there is no plan:\n%s", plan.Rendered)
		}
		return took, err
	}}, contender{"sandbox.Compile", func() (time.Duration, error) {
		begin := time.Now()
		_, err := b.compileHere(pol)
		return time.Since(begin), err
	}})
	if err != nil {
		return err
	}
	figure("compile_ms", s[0].median(), 0)
	figure("sandbox_compile_ms", s[1].median(), 0)
	return nil
}
