package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// stage is what the attacks of one run are about: files, processes and sockets that a module must not reach.
type stage struct {
	dir        string // open to everybody: what is below it is ours
	supervisor string
	victim     string // this program, where everybody can execute it
	root       string // of the repository
	uid, gid   int    // of modules
	user       string // its name
	policies   map[string]string

	supervisors []int    // their pids
	variables   []string // of a policy that is for one attack only, names and values

	props    given // told to every attack
	cleanups []func() error
}

func isRoot() bool { return os.Geteuid() == 0 }

// way is who runs the supervisor.
func way() string {
	if isRoot() {
		return "root"
	}
	return "user"
}

func (s *stage) later(f func() error) { s.cleanups = append(s.cleanups, f) }

// close takes everything away again.
func (s *stage) close() error {
	var err error
	for i := len(s.cleanups) - 1; i >= 0; i-- {
		err = errors.Join(err, s.cleanups[i]())
	}
	return err
}

// newStage makes the files, and starts the neighbours.
func newStage(supervisor, root, user string) (s *stage, err error) {
	s = &stage{supervisor: supervisor, root: root, user: user, policies: map[string]string{}, props: given{}, uid: os.Getuid(), gid: os.Getgid()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	unix.Umask(0o022) // a policy that others may write is refused
	if isRoot() {
		if s.uid, s.gid, err = lookUp(user); err != nil {
			return s, err
		}
	}
	// Not in /tmp, where modules have a file system of their own.
	if s.dir, err = os.MkdirTemp("/var/tmp", "bulkhead-escape-"); err != nil {
		return s, err
	}
	s.later(func() error { return os.RemoveAll(s.dir) })
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return s, err
	}
	if err := static("/proc/self/exe"); err != nil {
		return s, err
	}
	if err := s.files(); err != nil {
		return s, fmt.Errorf("make the files that are attacked: %w", err)
	}
	if err := s.neighbours(); err != nil {
		return s, fmt.Errorf("start the neighbours: %w", err)
	}
	return s, nil
}

func (s *stage) path(elems ...string) string {
	return filepath.Join(append([]string{s.dir}, elems...)...)
}

func (s *stage) files() error {
	s.victim = s.path("victim")
	if err := install("/proc/self/exe", s.victim); err != nil {
		return err
	}
	for _, d := range []struct {
		name string
		mode os.FileMode
		own  bool // the module's user's
	}{{"read", 0o777, true}, {"write", 0o777, true}, {"hidden", 0o777, true}, {"policies", 0o755, false}, {"home", 0o755, false}, {"run", 0o700, false}} {
		if err := errors.Join(os.Mkdir(s.path(d.name), 0o755), os.Chmod(s.path(d.name), d.mode)); err != nil {
			return err
		}
		if d.own {
			if err := os.Chown(s.path(d.name), s.uid, s.gid); err != nil {
				return err
			}
		}
	}
	if err := install(s.victim, s.path("hidden", "program")); err != nil {
		return err
	}
	for _, f := range []string{"read/file", "write/file", "hidden/secret"} {
		if err := errors.Join(os.WriteFile(s.path(f), []byte("secret\n"), 0o666), os.Chmod(s.path(f), 0o666), os.Chown(s.path(f), s.uid, s.gid)); err != nil {
			return err
		}
	}
	s.props["victim"], s.props["read"], s.props["write"], s.props["secret"] = s.victim, s.path("read"), s.path("write"), s.path("hidden/secret")
	s.props["hidden"] = s.path("hidden/program")
	return nil
}

// static complains about a program that needs a loader, which the policies do not list.
func static(path string) error {
	f, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return errors.New("this program is linked dynamically and could not run in the sandbox: build it with CGO_ENABLED=0")
		}
	}
	return nil
}

// install copies a program.
func install(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// environment is that of the supervisor.
func (s *stage) environment() []string {
	env := []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + s.path("home"), "TMPDIR=" + s.dir, "LANG=C.UTF-8"}
	if !isRoot() {
		env = append(env, "XDG_RUNTIME_DIR="+s.path("run"))
	}
	return env
}

// becomeModule makes a command run with the user of modules.
func (s *stage) becomeModule(cmd *exec.Cmd) {
	if isRoot() {
		attributes(cmd).Credential = &syscall.Credential{Uid: uint32(s.uid), Gid: uint32(s.gid)}
	}
}

func attributes(cmd *exec.Cmd) *syscall.SysProcAttr {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	return cmd.SysProcAttr
}

// lookUp reads /etc/passwd.
func lookUp(name string) (uid, gid int, err error) {
	text, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) >= 4 && f[0] == name {
			_, err := fmt.Sscan(f[2]+" "+f[3], &uid, &gid)
			return uid, gid, err
		}
	}
	return 0, 0, fmt.Errorf("there is no user %s", name)
}
