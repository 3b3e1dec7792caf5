package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/bulkhead/bulkhead/posix"
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
	filter, _, err := b.filterOf(pol)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.kernel.Close(filter)) }()
	if !b.root() {
		return b.execsAs(0, filter, "_rootless", 0)
	}
	if err := b.execsAs(0, filter, "", 1.5); err != nil {
		return err
	}
	// What hosts forbid to ordinary users is no fault of either tool; what bwrap can, ours must.
	theirs := b.bwrapCommand(filter, true, []string{"/usr"}, "/bin/true")
	theirs.user = b.facts.OverflowUID
	if _, err := b.starter(theirs.child(b.null))(); err != nil {
		fmt.Printf("exec_vs_bwrap_rootless: not measured: bwrap cannot run as user %d here: %v\n", theirs.user, err)
		return nil
	}
	return b.execsAs(theirs.user, filter, "_rootless", 0)
}

// execsAs compares as a user, 0 being who runs this, with a plan that is kept and with one that is compiled every time. The goal is for the
// first.
func (b *bench) execsAs(user posix.UID, filter posix.FD, suffix string, goal float64) error {
	plans, err := b.plansOf(user)
	if err != nil {
		return err
	}
	run := func(flags ...string) command {
		argv := append([]string{b.supervisor, "exec", "--policy", b.locked}, flags...)
		return command{argv: append(argv, "--", "/bin/true"), env: []string{"XDG_RUNTIME_DIR=" + plans}, filter: -1, user: user}
	}
	theirs := b.bwrapCommand(filter, suffix != "", []string{"/usr"}, "/bin/true")
	theirs.user = user
	s, err := takeTurns(b.rounds(200), contender{"supervisor exec", b.starter(run().child(b.null))},
		contender{"supervisor exec --no-plan-cache", b.starter(run("--no-plan-cache").child(b.null))}, contender{"bwrap", b.starter(theirs.child(b.null))})
	if err != nil {
		return fmt.Errorf("exec as user %d: %w", user, err)
	}
	figure("exec_vs_bwrap"+suffix, s[0].median()/s[2].median(), goal)
	figure("exec_cold_vs_bwrap"+suffix, s[1].median()/s[2].median(), 0)
	return b.isKept(run("--log-level", "debug"))
}

// plansOf makes a directory in which a user's supervisor keeps plans. Root's has its own place.
func (b *bench) plansOf(user posix.UID) (string, error) {
	dir := filepath.Join(b.dir, fmt.Sprintf("user-%d", user))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	if user == 0 {
		return dir, nil
	}
	return dir, os.Chown(dir, int(user), -1)
}

// isKept makes sure that the plan of a command was taken from the cache: a figure of the repeated use would mean something else otherwise.
func (b *bench) isKept(c command) error {
	cmd := exec.Command(c.argv[0], c.argv[1:]...)
	cmd.Env = c.env
	if c.user != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(c.user), Gid: uint32(c.user)}}
	}
	text, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", c.argv[0], err, text)
	}
	if !bytes.Contains(text, []byte("plan taken from the cache")) {
		return fmt.Errorf("the plan was compiled again in repeated use:\n%s", text)
	}
	return nil
}
