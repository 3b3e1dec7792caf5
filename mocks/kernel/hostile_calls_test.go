package kernel_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// FuzzCalls makes calls of every method that posix.Core has, with arguments of their types that nobody should give. Whatever they are, the kernel
// must answer: neither panic nor go on for ever.
func FuzzCalls(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		program := make([]byte, 6000)
		for i := range program {
			program[i] = byte(rng.Uint32())
		}
		f.Add(program)
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		limit := time.AfterFunc(time.Minute, func() {
			stacks := make([]byte, 1<<20)
			panic(fmt.Sprintf("a call does not end\n%s", stacks[:runtime.Stack(stacks, true)]))
		})
		defer limit.Stop()
		anything := &anything{hostile{t: t, program: program}}
		anything.run()
	})
}

// anything takes calls of all methods, and their arguments, from the fuzzer's bytes.
type anything struct{ hostile }

// run makes the calls in a process of a machine, in which another process interrupts them when they wait.
func (a *anything) run() {
	k := kernel.New(kernel.Config{MaxFiles: 200})
	init := k.Init()
	fine(a.t, k.Mkdir("/tmp", 0o1777), k.Symlink("two", "/tmp/one"), k.Symlink("one", "/tmp/two"), k.WriteFile("/tmp/a", []byte("text"), 0o777),
		k.Install("/tmp/b", 0o755, func(*kernel.Process, []string, []string) int { return 0 }))
	defer func() {
		// What nobody can end waits for ever, also on Linux: a process that has killed the one which would have interrupted it. Here that is told.
		if e := recover(); e != nil && !strings.HasPrefix(fmt.Sprint(e), "kernel: deadlock") {
			panic(e)
		}
	}()
	over := false
	pid, err := init.Fork(func(p *kernel.Process) {
		defer func() { over = true }()
		fine(a.t, p.Sigaction(unix.SIGUSR1, kernel.Action{Handler: func(posix.SignalInfo) {}}))
		a.equip(p)
		for range 150 {
			if len(a.program) == 0 {
				return
			}
			a.call(p)
		}
	})
	fine(a.t, err)
	_, err = init.Fork(func(p *kernel.Process) {
		for !over && sleep(p, time.Second) == nil {
			_ = p.Kill(pid, unix.SIGUSR1)
			_ = p.Kill(pid, unix.SIGCONT)
		}
	})
	fine(a.t, err)
	for init.Waitid(posix.PAll, 0, &posix.WaitInfo{}, unix.WEXITED) == nil {
	}
	_ = k.Close()
}

// equip opens something of many kinds, so that what is done with descriptors is more often done than refused.
func (a *anything) equip(p *kernel.Process) {
	_, _ = p.Openat2(posix.AtFDCWD, "/tmp/a", posix.OpenHow{Flags: unix.O_RDWR})
	_, _ = p.Openat2(posix.AtFDCWD, "/tmp", posix.OpenHow{Flags: unix.O_DIRECTORY})
	_, _, _ = p.Pipe2(0)
	_, _, _ = p.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	_, _ = p.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	_, _ = p.EpollCreate1(0)
	_, _ = p.Fsopen("tmpfs", 0)
	_, _ = p.MemfdCreate("m", unix.MFD_ALLOW_SEALING)
	_, _ = p.LandlockCreateRuleset(&posix.LandlockRulesetAttr{HandledAccessFS: 1})
	_, _ = p.PosixOpenpt(unix.O_RDWR)
}

// call makes one call.
func (a *anything) call(p *kernel.Process) {
	core := reflect.TypeFor[posix.Core]()
	m := core.Method(int(a.byte()) % core.NumMethod())
	var in []reflect.Value
	for i := range m.Type.NumIn() {
		v := reflect.New(m.Type.In(i)).Elem()
		a.fill(v, 0)
		in = append(in, v)
	}
	for _, v := range in {
		if mapping, ok := v.Interface().(posix.Mapping); ok {
			mapping.Length = min(mapping.Length, 1<<24)
			v.Set(reflect.ValueOf(mapping))
		}
	}
	for _, out := range reflect.ValueOf(p).MethodByName(m.Name).Call(in) {
		if b, ok := out.Interface().([]byte); ok && b != nil {
			a.maps = append(a.maps, b)
		}
	}
}

// fill makes up a value.
func (a *anything) fill(v reflect.Value, depth int) {
	switch v.Interface().(type) {
	case posix.FD:
		v.SetInt(int64(a.fd()))
		return
	case posix.PID:
		v.SetInt([]int64{0, -1, 1, 2, 3, 4, a.int(), -2}[a.byte()%8])
		return
	case posix.Sigset:
		v.SetUint(uint64(a.int()) &^ uint64(posix.Sigbit(unix.SIGUSR1)))
		return
	case posix.Sockaddr:
		v.Set(reflect.ValueOf(a.address()))
		return
	case posix.Msg:
		v.Set(reflect.ValueOf(a.message()))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(a.path())
	case reflect.Bool:
		v.SetBool(a.byte()&1 != 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(a.number())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(uint64(a.number()))
	case reflect.Pointer:
		if a.optional(v.Type()) && a.byte()%4 == 0 {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		a.fill(v.Elem(), depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				a.fill(v.Field(i), depth+1)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			a.fill(v.Index(i), depth+1)
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[[]byte]() {
			v.SetBytes(a.bytes())
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), int(a.byte())%6, 8))
		for i := range v.Len() {
			a.fill(v.Index(i), depth+1)
		}
	}
}

// optional tells whether nil is a value that callers may give.
func (a *anything) optional(t reflect.Type) bool {
	return t == reflect.TypeFor[*posix.Timespec]() || t == reflect.TypeFor[*posix.Rlimit]() || t == reflect.TypeFor[*posix.Sigset]() ||
		t == reflect.TypeFor[*posix.Program]()
}

// number returns one that is small, or a flag, or several, or extreme.
func (a *anything) number() int64 {
	switch b := a.byte(); {
	case b < 50:
		return 0
	case b < 100:
		return int64(b % 50)
	case b < 150:
		return 1 << (a.byte() % 64)
	case b < 180:
		return 1<<(a.byte()%32) | 1<<(a.byte()%32)
	case b < 200:
		return []int64{unix.O_NONBLOCK, unix.O_CLOEXEC, unix.O_NONBLOCK | unix.O_CLOEXEC, unix.SOCK_STREAM | unix.SOCK_NONBLOCK}[b%4]
	}
	return a.int()
}

// bytes returns a mapping, or memory of some length.
func (a *anything) bytes() []byte {
	if b := a.byte(); b < 60 && len(a.maps) > 0 {
		m := a.maps[int(b)%len(a.maps)]
		return m[:len(m)*int(a.byte())/255]
	}
	b := make([]byte, []int{0, 1, 8, 16, 100, 4096, 70000, 1 << 20}[a.byte()%8])
	for i := range min(len(b), int(a.byte())%32) {
		b[i] = a.byte()
	}
	return b
}

func (a *anything) address() posix.Sockaddr {
	families := []uint16{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_UNSPEC, unix.AF_NETLINK, uint16(a.int())}
	paths := []string{a.path(), "@x", "/tmp/s", "s", strings.Repeat("n", 108), "@" + strings.Repeat("n", 107), "", "@"}
	hosts := []string{"127.0.0.1", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1", "10.0.0.1", "fe80::1%lo", "224.0.0.1"}
	at := posix.Sockaddr{Family: families[int(a.byte())%len(families)], Path: paths[int(a.byte())%len(paths)]}
	if a.byte()%16 != 0 {
		at.Addr = netip.AddrPortFrom(netip.MustParseAddr(hosts[int(a.byte())%len(hosts)]), []uint16{0, 80, 5000, 5001, 65535}[a.byte()%5])
	}
	return at
}

// message returns one with control messages: descriptors, among them sockets that it may be sent over to themselves, credentials, or rubbish.
func (a *anything) message() posix.Msg {
	m := posix.Msg{Data: a.bytes(), Flags: int(a.int())}
	if a.byte()%2 == 0 {
		m.Addr = a.address()
	}
	switch a.byte() % 4 {
	case 0:
		fds := make([]int, a.byte()%4)
		for i := range fds {
			fds[i] = int(a.fd())
		}
		m.Control = unix.UnixRights(fds...)
	case 1:
		m.Control = unix.UnixCredentials(&unix.Ucred{Pid: int32(a.int()), Uid: uint32(a.int()), Gid: uint32(a.int())})
	case 2:
		m.Control = a.bytes()
	}
	if len(m.Control) > 0 && a.byte()%4 == 0 {
		m.Control = m.Control[:int(a.byte())%len(m.Control)]
	}
	return m
}
