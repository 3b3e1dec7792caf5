package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/control"
)

// resident is a supervisor that stays, as an operator runs one.
type resident struct {
	cmd    *exec.Cmd
	policy string // its file; empty for an embedded one
	client *control.Client
	socket string
	log    *bytes.Buffer
	ended  chan error
}

// patience is how long a supervisor may take for anything that it is asked.
const patience = 60 * time.Second

// resident starts a supervisor with a policy, which is a text or the name of an embedded one, and waits until it runs.
func (b *bench) resident(name, policy string, flags ...string) (_ *resident, err error) {
	r := &resident{socket: filepath.Join(b.dir, name+".sock"), log: &bytes.Buffer{}, ended: make(chan error, 1)}
	file := policy
	if !strings.HasPrefix(policy, "embedded:") {
		if r.policy, err = b.write(name+".yaml", []byte(policy), 0o644); err != nil {
			return nil, err
		}
		file = r.policy
	}
	r.client = control.NewClient(r.socket)
	r.cmd = exec.Command(b.supervisor, append([]string{"--policy", file, "--control", r.socket}, flags...)...)
	r.cmd.Stdout, r.cmd.Stderr = r.log, r.log
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { r.ended <- r.cmd.Wait() }()
	_, err = r.await(func(s api.Status) bool { return s.State == "running" })
	if err != nil {
		return nil, errors.Join(err, r.end())
	}
	return r, nil
}

// await asks for the status until it is as wanted.
func (r *resident) await(good func(api.Status) bool) (s api.Status, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		if s, err = r.client.Status(ctx); err == nil && good(s) {
			return s, nil
		}
		select {
		case err := <-r.ended:
			r.ended <- err
			return s, fmt.Errorf("the supervisor ended: %w\n%s", err, r.tail())
		case <-ctx.Done():
			return s, fmt.Errorf("the supervisor did not get there in %s (state %q, %w)\n%s", patience, s.State, err, r.tail())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// tail is the end of what it wrote. It must have ended, or be about to be given up.
func (r *resident) tail() string {
	text := r.log.String()
	return text[max(0, len(text)-4000):]
}

// rewrite changes its policy, by a new file with the old one's name.
func (r *resident) rewrite(text string) error {
	next := r.policy + ".new"
	if err := os.WriteFile(next, []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(next, r.policy)
}

// reload runs the command and says how long all of it took.
func (r *resident) reload() (time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	begin := time.Now()
	out, err := exec.CommandContext(ctx, r.cmd.Path, "reload", "--control", r.socket).CombinedOutput()
	took := time.Since(begin)
	if err != nil {
		return took, fmt.Errorf("reload: %w\n%s", err, out)
	}
	return took, nil
}

// reloads brings one configuration after the other in until what runs meanwhile is done, and returns how many there were.
func (r *resident) reloads(done <-chan error, next func() string) (count int, err error) {
	for {
		if err := r.rewrite(next()); err != nil {
			return count, err
		}
		if _, err := r.reload(); err != nil {
			return count, err
		}
		count++
		select {
		case err := <-done:
			return count, err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// end stops it and waits for its end, which must be a good one.
func (r *resident) end() error {
	if err := r.cmd.Process.Signal(unix.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case err := <-r.ended:
		if err != nil {
			return fmt.Errorf("the supervisor ended badly: %w\n%s", err, r.tail())
		}
		return nil
	case <-time.After(patience):
		return errors.Join(fmt.Errorf("the supervisor does not end"), r.cmd.Process.Kill(), <-r.ended)
	}
}
