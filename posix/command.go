package posix

import (
	"fmt"
	"strings"
	"syscall"
)

// Command is a program to execute, for those who start a child and want nothing done to it in between. [Command.Program] is what the child does.
//
//	program, err := posix.Command{Path: "/bin/cat", Args: []string{"cat"}, Files: []posix.FD{in, out, posix.NoFD}}.Program()
//	child, err := processes.Clone3(&posix.CloneArgs{ExitSignal: syscall.SIGCHLD, Program: program})
type Command struct {
	Path string   // as execve(2) takes it: $PATH is not searched
	Args []string // the first is the name that the program is called by
	Env  []string // all that the program gets: NAME=VALUE
	// Files become the program's descriptors 0, 1, 2 …; NoFD leaves what the child has there. They stay the caller's. What else the child
	// has is what lacks FD_CLOEXEC. At most MaxSlots.
	Files []FD
}

// firstAside is where descriptors are put aside, behind those that a program is given.
const firstAside = MaxSlots + 1

// Program returns the steps: files to their places, all signals unblocked, execve. Errors: EINVAL, when there are too many files, or a text has a
// zero byte.
func (c Command) Program() (*Program, error) {
	if len(c.Files) > MaxSlots {
		return nil, fmt.Errorf("start %s: %d descriptors to pass, and at most %d can be: %w", c.Path, len(c.Files), MaxSlots, syscall.EINVAL)
	}
	for _, list := range [][]string{{c.Path}, c.Args, c.Env} {
		for _, s := range list {
			if strings.IndexByte(s, 0) >= 0 {
				return nil, fmt.Errorf("start %q: %q has a zero byte: %w", c.Path, s, syscall.EINVAL)
			}
		}
	}
	p := &Program{}
	for i, fd := range c.Files {
		if fd != NoFD { // aside first: a source may lie where another one goes
			p.call(uint8(i+1), syscall.SYS_FCNTL, number(int(fd)), number(syscall.F_DUPFD_CLOEXEC), number(firstAside))
		}
	}
	for i, fd := range c.Files {
		if fd != NoFD {
			p.call(0, syscall.SYS_DUP3, Arg{Slot, uint64(i + 1)}, number(i), number(0))
		}
	}
	const setMask = 2 // SIG_SETMASK
	p.call(0, syscall.SYS_RT_SIGPROCMASK, number(setMask), p.keep(make([]byte, 8)), number(0), number(8))
	p.call(0, syscall.SYS_EXECVE, p.keep(append([]byte(c.Path), 0)), p.list(c.Args), p.list(c.Env))
	return p, nil
}

func number(n int) Arg { return Arg{Immediate, uint64(n)} }

func (p *Program) call(result uint8, nr uint32, args ...Arg) {
	s := Step{Result: result, Number: nr}
	copy(s.Args[:], args)
	p.Steps = append(p.Steps, s)
}

// keep puts bytes into the program's memory, at a multiple of eight.
func (p *Program) keep(b []byte) Arg {
	p.Memory = append(p.Memory, make([]byte, -len(p.Memory)&7)...)
	at := len(p.Memory)
	p.Memory = append(p.Memory, b...)
	return Arg{Address, uint64(at)}
}

// list keeps an array of pointers to strings with a nil at its end, as execve(2) wants it.
func (p *Program) list(texts []string) Arg {
	array := p.keep(make([]byte, 8*(len(texts)+1)))
	for i, s := range texts {
		text := p.keep(append([]byte(s), 0))
		p.Relocations = append(p.Relocations, Relocation{At: uint32(array.Value) + uint32(8*i), To: uint32(text.Value)})
	}
	return array
}
