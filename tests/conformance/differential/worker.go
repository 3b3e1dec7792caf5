package differential

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// job is what a worker is asked to do.
type job struct {
	From, Count uint64
	Length      int
	Alone       bool
	Only        []string
	Bug         string
	Dir         string // on a tmpfs, for the worker alone
}

// report is what it answers.
type report struct {
	Stats *Stats
	Diff  *Difference
	Err   string
}

// Worker is the part of a test binary that runs programs: call it from TestMain. It does nothing, unless the process was started as a worker. Then it
// does not return. other returns a new implementation, as root, with the programs of [Helpers]; nil tries the generators on Linux alone.
func Worker(linux posix.Core, other func() posix.Core) {
	text := os.Getenv(envJob)
	if text == "" {
		return
	}
	if os.Getenv(envFirst) != "" {
		if err := first(); err != nil {
			fail(err)
		}
		os.Exit(0)
	}
	var j job
	err := json.Unmarshal([]byte(text), &j)
	if err != nil {
		fail(err)
	}
	done := make(chan report)
	go func() {
		runtime.LockOSThread() // what is a thread's on Linux is changed on this one
		done <- work(linux, other, j)
	}()
	answer, err := json.Marshal(<-done)
	if err != nil {
		fail(err)
	}
	if _, err := os.Stdout.Write(answer); err != nil {
		fail(err)
	}
	os.Exit(0)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// bench is where programs are run: what both sides have in common.
type bench struct {
	linux  posix.Core
	other  func() posix.Core
	root   string // the directory that is the root of the file tree, or just where everything is, for an ordinary user
	base   string // the directory that programs work in, as they name it
	last   *side  // Linux in the last program
	mounts bool   // programs can mount
}

func work(linux posix.Core, other func() posix.Core, j job) report {
	b := &bench{linux: linux, other: other}
	if err := b.prepare(j.Dir); err != nil {
		return report{Err: err.Error()}
	}
	defer func() {
		if !j.Alone {
			b.killChildren()
		}
	}()
	plant, err := bugByName(j.Bug)
	if err != nil {
		return report{Err: err.Error()}
	}
	stats, table := NewStats(), generators()
	for seed := j.From; seed < j.From+j.Count; seed++ {
		a, o, err := b.sides(plant)
		if err != nil {
			return report{Err: fmt.Sprintf("program %d: %v", seed, err)}
		}
		r := &run{seed: seed, base: b.base, a: a, b: o, table: table, stats: stats}
		r.program(ops(j.Only), j.Alone, j.Length)
		stats.Programs++
		if r.diff != nil {
			r.diff.Alone = j.Alone
			if !j.Alone {
				b.shorten(r, plant)
			}
			return report{Stats: stats, Diff: r.diff}
		}
	}
	return report{Stats: stats}
}

func ops(names []string) []posix.Op {
	if len(names) == 0 {
		return posix.Ops()
	}
	var list []posix.Op
	for _, name := range names {
		if op, ok := posix.OpByName(name); ok {
			list = append(list, op)
		}
	}
	return list
}

// prepare makes this process one in which random calls do no harm: as root with its own root directory.
func (b *bench) prepare(dir string) error {
	// The runtime makes its own descriptors, for the network, when they are first needed: now.
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	_ = r.SetDeadline(time.Now())
	_, _ = r.Read(make([]byte, 1))
	_, _ = r.Close(), w.Close()

	for fd := range int(firstFD) {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == unix.EBADF {
			if err := unix.Dup3(2, fd, unix.O_CLOEXEC); err != nil {
				return err
			}
		}
	}
	for h := range helpers {
		if err := h.place(b.linux); err != nil {
			return fmt.Errorf("place the helper %s: %w", h, err)
		}
	}
	ready, err := b.linux.Eventfd2(0, 0)
	if err != nil {
		return err
	}
	if err := b.linux.Dup3(ready, readyFD, 0); err != nil { // children have it too
		return err
	}
	if err := b.linux.Close(ready); err != nil {
		return err
	}
	b.root, b.base = dir, dir+"/x/y"
	if os.Geteuid() != 0 {
		return unix.Chdir("/") // where the other side is as well
	}
	if err := loopbackUp(); err != nil {
		return fmt.Errorf("bring the loopback interface up: %w", err)
	}
	// A file system of its own: devices may not be opened on that of /dev/shm, as distributions mount it.
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("mount tmpfs: %w", err)
	}
	if err := os.MkdirAll(dir+"/dev/pts", 0o755); err != nil {
		return err
	}
	if err := unix.Mount("devpts", dir+"/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=0620"); err != nil {
		return fmt.Errorf("mount devpts: %w", err)
	}
	if err := unix.Mknod(dir+"/dev/ptmx", unix.S_IFCHR|0o666, int(unix.Mkdev(5, 2))); err != nil { // a node of its own, as Debian has it
		return fmt.Errorf("make /dev/ptmx: %w", err)
	}
	if err := os.Chmod(dir+"/dev/ptmx", 0o666); err != nil {
		return err
	}
	proc, err := unix.Open("/proc", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.Dup3(proc, procFD, unix.O_CLOEXEC); err != nil {
		return err
	}
	b.mounts = true
	if err := unix.Chroot(dir); err != nil {
		return fmt.Errorf("chroot: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	b.root, b.base = "/", "/x/y"
	return nil
}

// sides returns both sides as they are at the beginning of a program.
func (b *bench) sides(plant func(posix.Core) posix.Core) (linux, other *side, err error) {
	if err := b.reset(); err != nil {
		return nil, nil, fmt.Errorf("reset Linux: %w", err)
	}
	b.last = newSide(b.linux)
	b.last.ready = readyFD
	b.last.shared = !b.mounts
	if b.other == nil {
		return b.last, nil, nil
	}
	core := b.other()
	if err := b.mirror(core); err != nil {
		return nil, nil, fmt.Errorf("set up the other side: %w", err)
	}
	other = newSide(plant(core))
	other.shared = !b.mounts
	return b.last, other, nil
}

// reset makes Linux as it was before the first program.
func (b *bench) reset() error {
	if err := unix.CloseRange(uint(firstFD), 1<<30, 0); err != nil {
		return err
	}
	b.killChildren()
	x := filepath.Dir(b.base)
	if err := b.unmount(x); err != nil {
		return err
	}
	if err := makeRemovable(x); err != nil {
		return err
	}
	if err := os.RemoveAll(x); err != nil {
		return err
	}
	if b.root == "/" { // a program may have changed it, and made something there
		if err := b.unmount(""); err != nil {
			return err
		}
		entries, err := os.ReadDir("/")
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.Name() == "dev" || e.Name() == "x" {
				continue
			}
			if err := os.RemoveAll("/" + e.Name()); err != nil {
				return err
			}
		}
		if err := errors.Join(os.Chown("/", 0, 0), os.Chmod("/", 0o755)); err != nil {
			return err
		}
	}
	unix.Umask(0o022)
	none := posix.Sigset(0)
	if err := b.linux.RtSigprocmask(unix.SIG_SETMASK, &none, nil); err != nil {
		return err
	}
	if err := os.MkdirAll(b.base, 0o755); err != nil {
		return err
	}
	return openDir(b.linux, b.base)
}

// unmount takes away what a program has mounted below a directory. One mount may hide another: they are tried until none is left.
func (b *bench) unmount(dir string) error {
	if !b.mounts {
		return nil
	}
	for {
		points, err := mountPoints(dir)
		if err != nil || len(points) == 0 {
			return err
		}
		gone, last := 0, error(nil)
		for _, point := range slices.Backward(points) {
			if err := unix.Unmount(point, unix.MNT_DETACH); err != nil {
				last = fmt.Errorf("unmount %s: %w", point, err)
			} else {
				gone++
			}
		}
		if gone == 0 {
			return last
		}
	}
}

// mountPoints returns where something is mounted below a directory, but for the terminals.
func mountPoints(dir string) ([]string, error) {
	fd, err := unix.Openat(procFD, "thread-self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "mountinfo")
	text, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	var points []string
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) > 4 && strings.HasPrefix(fields[4]+"/", dir+"/") && fields[4] != "/" && !strings.HasPrefix(fields[4], "/dev/") {
			points = append(points, fields[4])
		}
	}
	return points, nil
}

// killChildren ends and reaps what the last program has left. After one that ran alone it may have no right to: its children end with their parent.
func (b *bench) killChildren() {
	if b.last == nil {
		return
	}
	for _, pid := range b.last.pids {
		_ = unix.Kill(int(pid), unix.SIGKILL)
	}
	for b.linux.Waitid(posix.PAll, 0, &posix.WaitInfo{}, unix.WEXITED) == nil {
	}
	b.last = nil
}

// openDir opens the directory of programs under its number.
func openDir(core posix.Core, base string) error {
	fd, err := core.Openat2(posix.AtFDCWD, base, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC})
	if err != nil {
		return err
	}
	if fd == dirFD {
		return nil
	}
	if err := core.Dup3(fd, dirFD, unix.O_CLOEXEC); err != nil {
		return err
	}
	return core.Close(fd)
}

// makeRemovable gives back the permissions that a program has taken from directories.
func makeRemovable(dir string) error {
	if os.Geteuid() == 0 {
		return nil
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return nil
	})
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

// shorten leaves out steps as long as a difference remains. Where a step made descriptors, others of the same numbers are put, so that the
// rest means the same.
func (b *bench) shorten(r *run, plant func(posix.Core) posix.Core) {
	steps, made := r.steps, r.made
	for i := len(steps) - 2; i >= 0; i-- {
		if i >= len(steps)-1 {
			continue
		}
		fewer, fewerMade := slices.Delete(slices.Clone(steps), i, i+1), slices.Delete(slices.Clone(made), i, i+1)
		if fds := made[i]; len(fds) > 0 {
			if steps[i].op == 0 {
				continue // it is such a one
			}
			fewer, fewerMade = slices.Insert(fewer, i, taken(fds)), slices.Insert(fewerMade, i, fds)
		}
		a, o, err := b.sides(plant)
		if err != nil {
			return
		}
		if diff := again(r.seed, b.base, a, o, fewer); diff != nil {
			n := min(len(diff.Program), len(fewer))
			steps, made, r.diff = fewer[:n], fewerMade[:n], diff
		}
	}
}

// taken uses up descriptors.
func taken(fds []posix.FD) step {
	return step{0, fmt.Sprintf("something is open as %v", fds), func(s *side) outcome {
		for _, fd := range fds {
			if err := s.core.Dup3(s.dir, fd, 0); err != nil {
				return answer(err)
			}
		}
		return answer(nil)
	}}
}
