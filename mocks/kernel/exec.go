package kernel

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// image is a program that is about to run: what exec has made ready.
type image struct {
	main      Main
	argv, env []string
}

func (im *image) run(p *Process) int { return im.main(p, im.argv, im.env) }

// maxInterpreters is how many scripts can be the interpreter of another one. Source: fs/exec.c, exec_binprm.
const maxInterpreters = 5

// maxArgString is the longest argument or variable, with its zero byte. Source: execve(2), MAX_ARG_STRLEN.
const maxArgString = 32 * 4096

// exec makes p ready to run the program of f, of which it takes nothing over: f stays the caller's. path is how f was called, which scripts are told. The caller lets the image run:
// with start on a goroutine of its own, or where the old program was. When an errno is returned, nothing has changed. Source: fs/exec.c.
func (p *Process) exec(f *file, path string, argv, env []string) (*image, posix.Errno) {
	errno := p.mayExecute(f)
	if errno == 0 {
		errno = p.argumentsFit(argv, env)
	}
	if errno != 0 {
		return nil, errno
	}
	if len(argv) == 0 {
		argv = []string{""} // since Linux 5.18
	}
	binary := f.hold()
	main, head := binary.content()
	for depth := 0; main == nil && errno == 0; depth++ {
		interpreter, arg, ok := shebang(head)
		switch {
		case !ok:
			errno = enoexec
			continue
		case depth >= maxInterpreters:
			errno = eloop
			continue
		}
		var next *file
		if next, errno = p.openExecutable(interpreter); errno != 0 {
			continue
		}
		binary.drop()
		binary = next.hold()
		if errno = p.mayExecute(binary); errno != 0 {
			continue
		}
		rest := append([]string{path}, argv[1:]...)
		if arg != "" {
			rest = append([]string{arg}, rest...)
		}
		argv = append([]string{interpreter}, rest...)
		path = interpreter
		main, head = binary.content()
	}
	var cred credentials
	var secure bool
	if errno == 0 {
		cred, secure, errno = p.credentialsOfExec(binary)
	}
	if errno != 0 {
		binary.drop()
		return nil, errno
	}
	p.replace(binary, cred, secure, path, argv, env)
	return &image{main: main, argv: p.argv, env: p.env}, 0
}

// replace is the part of exec from which there is no way back. It takes binary over.
func (p *Process) replace(binary *file, cred credentials, secure bool, path string, argv, env []string) {
	p.runFile(binary)
	binary.drop()
	p.argv, p.env = append([]string(nil), argv...), append([]string(nil), env...)
	p.setComm(path[strings.LastIndexByte(path, '/')+1:])
	p.fds = p.fds.unshare()
	p.fds.closeAll(true)
	p.sig.clearHandlers()
	p.exitSignal = unix.SIGCHLD
	p.executed = true
	p.attrs.dumpable = 1
	if secure || cred.uids.Effective != cred.uids.Real || cred.gids.Effective != cred.gids.Real {
		p.attrs.dumpable = 0
	}
	if secure {
		p.attrs.deathSignal = 0
	}
	p.takeCredentials(cred)
	p.attrs.securebits &^= secureKeepCaps
	p.forget()
}

// forget drops what does not outlive exec besides descriptors: each part of the package that adds something to a process does so here.
func (p *Process) forget() { p.unmapAll() }

// setComm sets the name that /proc shows, 15 bytes at most.
func (p *Process) setComm(name string) { p.comm = name[:min(len(name), 15)] }

// argumentsFit checks the size of arguments and variables: a quarter of the stack's limit, and 6 MiB at most. Source: execve(2).
func (p *Process) argumentsFit(argv, env []string) posix.Errno {
	total := uint64(0)
	for _, list := range [][]string{argv, env} {
		for _, s := range list {
			if len(s)+1 > maxArgString {
				return e2big
			}
			total += uint64(len(s)) + 1 + 8
		}
	}
	if most := max(min(p.limits[unix.RLIMIT_STACK].Soft/4, 6<<20), 32*4096); total > most {
		return e2big
	}
	return 0
}

// headSize is how much of a file exec looks at. Source: include/uapi/linux/binfmts.h, BINPRM_BUF_SIZE.
const headSize = 256

// content returns what is to be executed of a file that mayExecute: a program that has been installed, or else how the file begins.
func (f *file) content() (Main, []byte) {
	r := f.inode().body.(*regular)
	if r.program != nil {
		return r.program, nil
	}
	if main := f.k.recognize(r); main != nil {
		return main, nil
	}
	head := make([]byte, headSize)
	return nil, head[:r.readAt(head, 0)]
}

// mayExecute checks whether p may execute an open file: a regular one, with a permission to execute, and not on a mount that forbids it.
func (p *Process) mayExecute(f *file) posix.Errno {
	n := f.inode()
	if n == nil || f.place != nil && f.place.mount.flags&unix.MOUNT_ATTR_NOEXEC != 0 {
		return eacces
	}
	if _, ok := n.body.(*regular); !ok {
		return eacces
	}
	if errno := p.permission(n, mayExec); errno != 0 {
		return errno
	}
	if at := f.place; at != nil && at.mount != p.k.tree.hidden && p.landlock(at.mount, at.entry, unix.LANDLOCK_ACCESS_FS_EXECUTE) != 0 {
		return eacces
	}
	if n.writers > 0 {
		return etxtbsy
	}
	return 0
}

// runFile makes f, or nothing, what the process runs: as long as somebody runs a file nobody can open it for writing. Source: kernel/fork.c,
// set_mm_exe_file.
func (p *Process) runFile(f *file) {
	if f != nil {
		f.hold().inode().writers--
	}
	if p.exe != nil {
		p.exe.inode().writers++
		p.exe.drop()
	}
	p.exe = f
}

// overNproc tells whether an exec is refused, since the process took on a user who has too many processes. Source: fs/exec.c, do_execveat_common.
func (p *Process) overNproc() bool {
	p.attrs.overNproc = p.attrs.overNproc && p.k.user(p.cred.uids.Real).processes > p.limits[unix.RLIMIT_NPROC].Soft
	return p.attrs.overNproc
}

// inode returns the inode of an open file, nil for what has none.
func (f *file) inode() *inode {
	if r, ok := f.object.(*regular); ok {
		return r.n
	}
	if f.place != nil {
		return f.place.entry.inode
	}
	return nil
}

// openExecutable opens the file of a path for exec. The file has no reference yet.
func (p *Process) openExecutable(path string) (*file, posix.Errno) {
	if errno := checkPath(path, 0); errno != 0 {
		return nil, errno
	}
	return p.openPath(posix.AtFDCWD, path, oPath, 0, 0)
}

// shebang takes the first line of a script apart: the interpreter and at most one argument. Source: fs/binfmt_script.c.
func shebang(head []byte) (interpreter, arg string, ok bool) {
	text, ok := strings.CutPrefix(string(head), "#!")
	if !ok {
		return "", "", false
	}
	line, _, whole := strings.Cut(text, "\n")
	line = strings.Trim(line, " \t")
	interpreter, arg, cut := line, "", false
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		interpreter, arg, cut = line[:i], strings.Trim(line[i:], " \t"), true
	}
	// A line that does not end may not be cut off within the interpreter's name.
	if interpreter == "" || !whole && !cut && len(head) >= 256 {
		return "", "", false
	}
	return interpreter, arg, true
}

// Execve implements [posix.Processes]. In a process that the test drives it returns nil, and the program runs when its turn comes; the test must not make calls in it then.
func (p *Process) Execve(path string, argv, env []string) error {
	if !cStrings([]string{path}) || !cStrings(argv) || !cStrings(env) {
		return einval // no call is made: what is in Go a string may be none in C
	}
	c, errno := p.enter(posix.OpExecve, 1, 1, 1)
	var im *image
	if errno == 0 {
		var f *file
		if p.overNproc() {
			errno = eagain
		} else if f, errno = p.openExecutable(path); errno == 0 {
			f.hold()
			im, errno = p.exec(f, path, argv, env)
			f.drop()
		}
	}
	if errno != 0 {
		return c.leave(errno)
	}
	if p.programmed {
		_ = c.leave(0)
		p.become(im)
	}
	err := c.leave(0) // may find that the process has been killed
	p.k.mu.Lock()
	p.k.start(p, func() int { return im.run(p) })
	p.k.mu.Unlock()
	return err
}

// cStrings tells whether no string has a zero byte.
func cStrings(list []string) bool {
	for _, s := range list {
		if strings.IndexByte(s, 0) >= 0 {
			return false
		}
	}
	return true
}

// become runs the new program where the old one was, and does not return to that: its deferred functions find a process that has ended.
func (p *Process) become(im *image) {
	k := p.k
	p.runs(func() int { return im.run(p) })
	k.mu.Lock()
	k.unwind(p)
}
