package differential

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// generators returns what makes up a call of each operation.
func generators() *[posix.OpCount]func(g *generator) {
	var t [posix.OpCount]func(g *generator)
	for _, add := range []func(*[posix.OpCount]func(*generator)){
		fileGenerators, socketGenerators, processGenerators, signalGenerators, pollingGenerators, memoryGenerators, clockGenerators,
		credentialGenerators, limitGenerators, hardeningGenerators, namespaceGenerators, terminalGenerators,
	} {
		add(&t)
	}
	return &t
}

// onlyAlone are the operations that are generated only in programs that have a process of their own: what they change cannot be set back.
var onlyAlone = []posix.Op{posix.OpSetsid, posix.OpSetpgid, posix.OpLandlockRestrictSelf, posix.OpSeccompSetModeFilter, posix.OpUnshare}

// run is one program in the course of being made and run.
type run struct {
	seed  uint64
	base  string // path of the program's directory
	a, b  *side  // b is nil to try the generators on Linux alone
	table *[posix.OpCount]func(g *generator)
	steps []step
	only  []posix.Op
	made  [][]posix.FD // by each step
	log   []string
	stats *Stats
	diff  *Difference
	limit int
}

// Difference is where the two implementations part.
type Difference struct {
	Seed    uint64
	Alone   bool
	Op      string
	Call    string
	Linux   string
	Other   string
	Program []string // the calls up to there with Linux's answers
}

func (d *Difference) String() string {
	return fmt.Sprintf("program %d: %s\n\tLinux: %s\n\tother: %s\nthe program:\n\t%s", d.Seed, d.Call, d.Linux, d.Other, strings.Join(d.Program, "\n\t"))
}

func (r *run) over() bool { return r.diff != nil || len(r.steps) >= r.limit }

// do makes a call on both sides and compares the answers.
func (r *run) do(s step) outcome {
	if r.diff != nil {
		return outcome{Errno: broken}
	}
	a := s.run(r.a)
	b := a
	if r.b != nil {
		b = protected(s, r.b)
	}
	r.steps, r.made = append(r.steps, s), append(r.made, a.fds)
	r.log = append(r.log, fmt.Sprintf("%s = %s", s.text, a))
	if s.op != 0 {
		r.stats.add(s.op, a.Errno)
	}
	if a.Errno != b.Errno || a.Text != b.Text {
		r.diff = &Difference{Seed: r.seed, Op: s.op.String(), Call: s.text, Linux: a.String(), Other: b.String(), Program: slices.Clone(r.log)}
	}
	return a
}

// protected makes a call that may panic: that is a difference too.
func protected(s step, other *side) (o outcome) {
	defer func() {
		if e := recover(); e != nil {
			o = outcome{Errno: broken, Text: fmt.Sprintf("panic: %v\n%s", e, debug.Stack())}
		}
	}()
	return s.run(other)
}

// program makes up and runs a program of at most length calls.
func (r *run) program(only []posix.Op, alone bool, length int) {
	g := &generator{rng: rand.New(rand.NewPCG(r.seed, 1)), run: r, root: r.a.core.Geteuid() == 0, alone: alone, sentTo: -1, dialled: -1}
	r.limit, r.only = length, only
	g.prelude()
	for !r.over() {
		op := only[g.rng.IntN(len(only))]
		if alone && g.chance(5) { // elsewhere they are not generated at all
			if rare := onlyAlone[g.rng.IntN(len(onlyAlone))]; slices.Contains(only, rare) {
				op = rare
			}
		}
		if !alone && slices.Contains(onlyAlone, op) {
			if len(only) == 1 {
				return
			}
			continue
		}
		g.generate(op)
	}
	r.final(g)
}

// again runs steps, and returns the difference that they show.
func again(seed uint64, base string, a, b *side, steps []step) *Difference {
	r := &run{seed: seed, base: base, a: a, b: b, stats: NewStats(), limit: len(steps)}
	for _, s := range steps {
		if r.do(s); r.diff != nil {
			return r.diff
		}
	}
	r.final(&generator{run: r})
	return r.diff
}

// final compares what a program has left: the file tree and the descriptors.
func (r *run) final(g *generator) {
	if r.diff != nil {
		return
	}
	r.do(step{0, "what is in the directory", func(s *side) outcome {
		var b strings.Builder
		s.walk(&b, s.dir, ".", 0)
		return outcome{Text: b.String()}
	}})
	for fd := firstFD; fd < firstFD+60; fd++ {
		if r.diff != nil {
			return
		}
		r.do(step{0, fmt.Sprintf("what descriptor %d is", fd), func(s *side) outcome {
			flags, err := s.core.Fcntl(fd, unix.F_GETFD, 0)
			if err != nil {
				return answer(err)
			}
			status, err := s.core.Fcntl(fd, unix.F_GETFL, 0)
			var st posix.Stat
			err2 := s.core.Fstat(fd, &st)
			return answer(nil, flags, fmt.Sprintf("%#x", status), answer(err), answer(err2, s.statOr(err2, &st)))
		}})
	}
}

// walk describes a directory and what is below it, as far as it can be read.
func (s *side) walk(b *strings.Builder, dir posix.FD, path string, depth int) {
	fd, err := s.core.Openat2(dir, path, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC})
	if err != nil || depth > 4 {
		fmt.Fprintf(b, "%s cannot be opened: %v\n", path, answer(err))
		return
	}
	defer func() { _ = s.core.Close(fd) }()
	var at posix.Stat
	if s.core.Fstat(fd, &at) == nil && s.isRoot(&at) {
		fmt.Fprintf(b, "%s is the root directory, or a mount of it\n", path)
		return
	}
	for _, name := range s.list(fd) {
		var st posix.Stat
		err := s.core.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
		fmt.Fprintf(b, "%s/%s: %s\n", path, name, answer(err, s.statOr(err, &st)))
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFDIR:
			s.walk(b, fd, name, depth+1)
		case unix.S_IFREG:
			f, err := s.core.Openat2(fd, name, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK})
			if err != nil {
				fmt.Fprintf(b, "\t%s\n", answer(err))
				continue
			}
			content := make([]byte, 1<<15)
			n, err := s.core.Pread(f, content, 0)
			fmt.Fprintf(b, "\t%s\n", answer(err, sum(content[:max(n, 0)])))
			_ = s.core.Close(f)
		}
	}
}

// list returns the names in a directory, sorted.
func (s *side) list(fd posix.FD) []string {
	var names []string
	buf := make([]byte, 8192)
	for {
		n, err := s.core.Getdents(fd, buf)
		if err != nil || n <= 0 {
			slices.Sort(names)
			return names
		}
		for b := buf[:n]; len(b) >= 19; {
			size := int(uint16(b[16]) | uint16(b[17])<<8)
			name, _, _ := strings.Cut(string(b[19:size]), "\x00")
			if name != "." && name != ".." {
				names = append(names, name)
			}
			b = b[size:]
		}
	}
}
