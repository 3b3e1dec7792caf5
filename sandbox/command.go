package sandbox

import (
	"bytes"
	"debug/elf"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Codes of diagnostics about the command, which `supervisor exec` turns into the exit statuses of a shell.
const (
	CodeCommandNotFound   = "E630" // 127
	CodeCommandNotAllowed = "E631" // 126: not executable, a directory, not reachable in the module's root
)

const codeWorkingDir = "E632"

// command decides the arguments and the environment, and checks that the program can start in the module's root.
func (c *compiler) command(r root) {
	c.argv = c.Command
	if len(c.argv) == 0 {
		for _, v := range c.module.Command {
			c.argv = append(c.argv, v.V)
		}
	}
	own := map[string]bool{}
	for _, v := range c.module.Environment {
		own[v.Name] = true
		c.env = append(c.env, v.Name+"="+v.Value)
	}
	for _, v := range c.Environment {
		if name, _, _ := strings.Cut(v, "="); !own[name] {
			c.env = append(c.env, v)
		}
	}
	if c.Trial {
		c.program = c.argv[0]
		return
	}
	pos := c.module.Pos
	if len(c.Command) == 0 {
		pos = c.module.Command[0].Pos
	}
	switch name := c.argv[0]; {
	case !strings.Contains(name, "/"):
		found, ok := c.search(r, name)
		if !ok {
			c.problem(CodeCommandNotFound, pos, fmt.Sprintf("command %s: not found in the module's root along %s", name, c.path()), "")
			return
		}
		c.program = found
	case !path.IsAbs(name):
		c.problem(CodeCommandNotFound, pos, "command "+name+" is a relative path", "name it by its absolute path in the module's root")
		return
	default:
		c.program = name
	}
	c.checkProgram(r, c.program, "command "+c.program, pos, 0)
}

// defaultPath is where a command without a slash is looked for when the module's environment has no PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func (c *compiler) path() string {
	for _, v := range c.env {
		if dirs, ok := strings.CutPrefix(v, "PATH="); ok {
			return dirs
		}
	}
	return defaultPath
}

// search looks a command up as a shell does, among what the module can execute.
func (c *compiler) search(r root, name string) (string, bool) {
	for _, dir := range strings.Split(c.path(), ":") {
		p := path.Join(dir, name)
		if !path.IsAbs(p) {
			continue
		}
		if _, ok := r.visible(p, policy.AccessExecute); !ok {
			continue
		}
		if f, err := c.host.File(c.hostPath(r, p)); err == nil && f.Kind == Regular && f.Mode&0o111 != 0 {
			return p, true
		}
	}
	return "", false
}

// checkProgram checks a program, then the loader or the interpreter that it needs.
func (c *compiler) checkProgram(r root, program, what string, pos policy.Pos, depth int) {
	if depth > 4 {
		c.problem(CodeCommandNotAllowed, pos, what+": interpreters of interpreters, more than the kernel follows", "")
		return
	}
	f, head, err := c.host.Head(c.hostPath(r, program))
	switch {
	case err != nil:
		c.hostError(pos, program, err)
		return
	case f.Kind == Absent:
		c.problem(CodeCommandNotFound, pos, fmt.Sprintf("%s: %v", what, f.Errno), "")
		return
	case f.Kind == Directory:
		c.problem(CodeCommandNotAllowed, pos, what+" is a directory", "name a program")
		return
	case f.Kind != Regular:
		c.problem(CodeCommandNotAllowed, pos, what+" is not a regular file", "name a program")
		return
	case f.Mode&0o111 == 0:
		c.problem(CodeCommandNotAllowed, pos, what+" is not executable", "chmod +x "+f.Real)
		return
	}
	need := policy.AccessExecute
	if bytes.HasPrefix(head, []byte("#!")) {
		need |= policy.AccessRead
	}
	for _, p := range [...]string{program, c.guestPath(r, program, f.Real)} {
		if why, ok := r.visible(p, need); !ok {
			help := fmt.Sprintf("add {path: %s, access: rx} to filesystem", path.Dir(p))
			if n, ok := r.covering(r.resolve(p)); ok && n.made() {
				help = "remove that entry, or list in it what the program needs: {path: " + p + ", access: rx} and its libraries"
			}
			c.problem(CodeCommandNotAllowed, pos, what+" cannot start: "+p+": "+why, help)
			return
		}
	}
	if p, why, ok := c.followable(r, program, f); !ok {
		c.problem(CodeCommandNotAllowed, pos, what+" cannot start: it is a link that leads through "+p+": "+why,
			fmt.Sprintf("add {path: %s, access: r} to filesystem, or name %s instead", p, f.Real))
		return
	}
	if n, ok := r.covering(r.resolve(program)); ok && n.NoSymFollow && c.guestPath(r, program, f.Real) != r.resolve(program) {
		c.problem(CodeCommandNotAllowed, pos, what+" cannot start: it is reached by a link on "+n.Path+", which has nosymfollow",
			"name "+f.Real+" instead, or remove nosymfollow")
		return
	}
	if next := interpreter(head); next != "" {
		c.checkProgram(r, next, what+" needs "+next+", which", pos, depth+1)
	}
}

// workingDirectory checks that the module's root has its working directory.
func (c *compiler) workingDirectory(r root) {
	dir, pos := path.Clean(c.module.WorkingDir.V), c.module.WorkingDir.Pos
	if c.Trial || dir == "." || dir == "/" {
		return
	}
	at := r.resolve(dir)
	inside := slices.ContainsFunc(r.nodes, func(n node) bool {
		return within(n.Path, at) && n.kind == Directory || within(n.Path, at) && n.Path != at
	})
	n, covered := r.covering(at)
	switch {
	case inside: // it is mounted, or made for what is
	case !covered:
		c.problem(codeWorkingDir, pos, "working_dir "+dir+" is not in the filesystem list", "list it: {path: "+dir+", access: r}")
	case n.Kind == policy.MountTmpfs || n.Kind == policy.MountDev:
		c.problem(codeWorkingDir, pos, "working_dir "+dir+" is not there when the module starts: "+n.Path+" is new then", "name "+n.Path+" itself")
	case n.Kind == policy.MountBind:
		f, err := c.host.File(c.hostPath(r, dir))
		switch {
		case err != nil:
			c.hostError(pos, dir, err)
		case f.Kind == Absent:
			c.problem(codeWorkingDir, pos, fmt.Sprintf("working_dir %s: %v", dir, f.Errno), "make it, or name another one")
		case f.Kind != Directory:
			c.problem(codeWorkingDir, pos, "working_dir "+dir+" is not a directory", "name a directory")
		}
	}
}

// followable tells whether the links that a program's last component leads through are all in the module's root, and names the
// first that is not. Links to directories on the way are not looked at.
func (c *compiler) followable(r root, p string, f File) (string, string, bool) {
	for range 40 { // as many as the kernel follows
		if f.Link == "" {
			break
		}
		p = r.resolve(p)
		dir, err := c.host.File(c.hostPath(r, path.Dir(p)))
		switch {
		case path.IsAbs(f.Link):
			p = path.Clean(f.Link)
		case err != nil || dir.Real != c.hostPath(r, path.Dir(p)):
			return "", "", true
		default:
			p = path.Join(path.Dir(p), f.Link)
		}
		if why, ok := r.visible(p, 0); !ok {
			return p, why, false
		}
		if f, err = c.host.File(c.hostPath(r, p)); err != nil {
			break
		}
	}
	return "", "", true
}

// hostPath is where on the host the module's path p is.
func (c *compiler) hostPath(r root, p string) string {
	p = r.resolve(p)
	if n, ok := r.covering(p); ok && n.Kind == policy.MountBind {
		return path.Join(n.source, strings.TrimPrefix(p, n.Path))
	}
	return p
}

// guestPath is where in the module's root the program at p is found once its links are resolved: real is where they lead on the host.
func (c *compiler) guestPath(r root, p, real string) string {
	if n, ok := r.covering(r.resolve(p)); ok && n.Kind == policy.MountBind && within(real, n.source) {
		return path.Join(n.Path, strings.TrimPrefix(real, n.source))
	}
	return real
}

// interpreter returns what the kernel starts besides the program itself: the loader of an ELF file or the program of a #! line.
func interpreter(head []byte) string {
	if line, ok := bytes.CutPrefix(head, []byte("#!")); ok {
		line, _, _ = bytes.Cut(line, []byte("\n"))
		if fields := bytes.Fields(line); len(fields) > 0 {
			return string(fields[0])
		}
		return ""
	}
	f, err := elf.NewFile(headReader{bytes.NewReader(head)})
	if err != nil {
		return ""
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP && p.Off < uint64(len(head)) && p.Filesz < uint64(len(head))-p.Off {
			return string(bytes.TrimRight(head[p.Off:p.Off+p.Filesz], "\x00"))
		}
	}
	return ""
}
