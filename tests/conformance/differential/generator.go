package differential

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// step is one call with its arguments.
type step struct {
	op   posix.Op // 0: it is not counted
	text string   // "openat2 dir a O_RDWR"
	run  func(s *side) outcome
}

// kind is what a descriptor is of, as far as generating goes.
type kind uint32

const (
	file kind = 1 << iota
	directory
	pipeReader
	pipeWriter
	stream // a connected stream socket
	datagram
	listening
	unconnected // a stream socket that nothing was done with
	epoll
	event
	timer
	signal
	memfd
	pidfd
	ruleset
	master // of a pseudo-terminal
	slave
	mount    // a detached mount
	fsconfig // of fsopen
	opath
	pathDirectory // with O_PATH

	readable = file | pipeReader | stream | event | timer | memfd
	writable = file | pipeWriter | stream | event | memfd
	pollable = pipeReader | pipeWriter | stream | datagram | listening | epoll | event | timer | signal | pidfd | master
	any_     = ^kind(0)
)

// handle is a descriptor that is open on both sides, under the same number.
type handle struct {
	fd     posix.FD
	kind   kind
	family int
	bound  bool
	peer   posix.FD // of a pair
	index  int      // of a child, for a pidfd
}

// generator makes up a program while it runs.
type generator struct {
	rng      *rand.Rand
	run      *run
	root     bool
	alone    bool // it may change its process for good
	handles  []handle
	children int
	mappings []int    // lengths; 0 when it is gone
	sentTo   posix.FD // the other end of what was last sent on
	dialled  posix.FD // who was last connected to
	mounted  string   // where something was last mounted
}

// do makes a call on both sides.
func (g *generator) do(s step) outcome { return g.run.do(s) }

func (g *generator) chance(percent int) bool { return g.rng.IntN(100) < percent }

func pick[T any](g *generator, list ...T) T { return list[g.rng.IntN(len(list))] }

// flags returns some of a set of flags, mostly few.
func (g *generator) flags(list ...int) int {
	flags := 0
	for _, f := range list {
		if g.chance(25) {
			flags |= f
		}
	}
	return flags
}

// name returns a path below the directory: mostly one of a few, sometimes one that is bad.
func (g *generator) name() string {
	if g.chance(6) {
		return pick(g, "", ".", "..", "/", "a/", "a/.", "nul\x00", "no/such", "./a/../b", "//x//y", long(255), long(256), long(4094), long(4096), "s/s/s/s")
	}
	if g.chance(12) {
		return pick(g, "d", "e") + "/" + pick(g, "a", "b", "d")
	}
	return pick(g, "a", "b", "c", "d", "e", "s")
}

// fresh returns a name that is probably not taken.
func (g *generator) fresh() string {
	if g.chance(30) {
		return g.name()
	}
	return pick(g, "f", "g", "h", "i", "j", "k", "l", "m", "d/f", "e/g")
}

func long(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'n'
		if n > 300 && i%200 == 199 {
			b[i] = '/'
		}
	}
	return string(b)
}

// show makes long names short.
func show(name string) string {
	if len(name) > 40 {
		return fmt.Sprintf("(%d bytes)", len(name))
	}
	return fmt.Sprintf("%q", name)
}

// prelude makes files that programs find, mostly.
func (g *generator) prelude() {
	if g.chance(20) {
		return
	}
	for _, name := range []string{"d", "e", "d/b"} {
		g.do(step{posix.OpMkdirat, "mkdirat dir " + name, func(s *side) outcome { return answer(s.core.Mkdirat(s.dir, name, 0o755)) }})
	}
	for _, name := range []string{"a", "b", "c", "d/a"} {
		o := g.do(step{posix.OpOpenat2, "openat2 dir " + name + " to make it", func(s *side) outcome {
			fd, err := s.core.Openat2(s.dir, name, posix.OpenHow{Flags: unix.O_RDWR | unix.O_CREAT | unix.O_CLOEXEC, Mode: 0o644})
			return made(err, fd)
		}})
		if o.Errno == 0 {
			g.opened(o, handle{fd: o.fds[0], kind: file})
			b := g.data()
			g.do(step{posix.OpWrite, fmt.Sprintf("write %d %s", o.fds[0], sum(b)), func(s *side) outcome { return answer2(s.core.Write(o.fds[0], b)) }})
		}
	}
	o := g.do(step{posix.OpOpenat2, "openat2 dir . O_DIRECTORY", func(s *side) outcome {
		fd, err := s.core.Openat2(s.dir, ".", posix.OpenHow{Flags: unix.O_DIRECTORY | unix.O_CLOEXEC})
		return made(err, fd)
	}})
	if o.Errno == 0 {
		g.opened(o, handle{fd: o.fds[0], kind: directory})
	}
	g.do(step{posix.OpSymlinkat, "symlinkat a dir s", func(s *side) outcome { return answer(s.core.Symlinkat("a", s.dir, "s")) }})
}

// find returns an open descriptor of a kind.
func (g *generator) find(k kind) (handle, bool) {
	var some []handle
	for _, h := range g.handles {
		if h.kind&k != 0 {
			some = append(some, h)
		}
	}
	if len(some) == 0 {
		return handle{}, false
	}
	return some[g.rng.IntN(len(some))], true
}

// fd returns a descriptor of a kind: an open one, or one that is made now; sometimes one that is no good.
func (g *generator) fd(k kind) posix.FD { return g.handle(k).fd }

func (g *generator) handle(k kind) handle {
	switch {
	case g.chance(3):
		return handle{fd: pick[posix.FD](g, -1, 1<<20, -1<<31, posix.AtFDCWD)}
	case g.chance(5):
		if h, ok := g.find(any_); ok {
			return h
		}
	}
	h, ok := g.find(k)
	if !ok || g.chance(15) {
		for range 4 {
			g.create(k)
			if made, found := g.find(k); found {
				return made
			}
		}
	}
	if !ok {
		return handle{fd: -1}
	}
	return h
}

// dir is where a name is looked up: nearly always the program's directory.
func (g *generator) dir() (text string, fd func(s *side) posix.FD) {
	if g.chance(10) {
		h := g.fd(directory | pathDirectory)
		return fmt.Sprint(h), func(*side) posix.FD { return h }
	}
	return "dir", func(s *side) posix.FD { return s.dir }
}

// opened remembers descriptors that both sides have made.
func (g *generator) opened(o outcome, hs ...handle) {
	if o.Errno == 0 {
		g.handles = append(g.handles, hs...)
	}
}

// closed forgets a descriptor.
func (g *generator) closed(fd posix.FD) {
	kept := g.handles[:0]
	for _, h := range g.handles {
		if h.fd != fd {
			kept = append(kept, h)
		}
	}
	g.handles = kept
}

// create makes a descriptor of one of the kinds.
func (g *generator) create(k kind) {
	var ops []posix.Op
	for _, c := range creators {
		if c.kind&k != 0 && (len(g.run.only) == len(posix.Ops()) || slices.Contains(g.run.only, c.op)) {
			ops = append(ops, c.op)
		}
	}
	if len(ops) > 0 {
		g.generate(ops[g.rng.IntN(len(ops))])
	}
}

// creators are the calls that make a kind of descriptor.
var creators = []struct {
	op   posix.Op
	kind kind
}{
	{posix.OpOpenat2, file | directory | opath | pathDirectory}, {posix.OpPipe2, pipeReader | pipeWriter}, {posix.OpSocketpair, stream | datagram},
	{posix.OpListen, listening}, {posix.OpSocket, unconnected | datagram}, {posix.OpEpollCreate1, epoll}, {posix.OpEventfd2, event},
	{posix.OpTimerfdCreate, timer}, {posix.OpSignalfd4, signal}, {posix.OpMemfdCreate, memfd}, {posix.OpClone3, pidfd},
	{posix.OpLandlockCreateRuleset, ruleset}, {posix.OpPosixOpenpt, master}, {posix.OpOpenPeer, slave},
	{posix.OpOpenTree, mount}, {posix.OpFsopen, fsconfig}, {posix.OpFsmount, mount},
}

// generate makes one call of an operation, and those that it needs before.
func (g *generator) generate(op posix.Op) {
	if g.run.over() {
		return
	}
	g.run.table[op](g)
}
