package starter

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Files is what somebody else reads for [Gather]. ReadAt is io.ReaderAt's for the file at a path; the error is an fs.ErrNotExist or any other
// when there is no such file.
type Files interface {
	ReadAt(path string, p []byte, off int64) (int, error)
	// Target returns a path without symbolic links at its end, or the path when that cannot be known.
	Target(path string) string
}

// Limits of what is believed of a program. Sources: execve(2) on the length of the line, and what one program can sensibly need.
const (
	maxLine      = 255 // BINPRM_BUF_SIZE without its end
	maxLibraries = 512
)

// Where programs of scripts are looked for, as /usr/bin/env would, and where a loader looks without a cache: ld.so(8).
var (
	programDirs = []string{"/usr/local/bin", "/usr/bin", "/bin"}
	libraryDirs = []string{"/lib64", "/usr/lib64", "/lib", "/usr/lib"}
)

// loaderCache is where glibc's loader has what ldconfig(8) found.
const loaderCache = "/etc/ld.so.cache"

// Gather finds out what the program at a path needs to start: the interpreter of a script, the loader, and the directories of the shared
// libraries, as ld.so(8) would find them. What the program says of itself may be hostile: the facts are paths and no
// more, and an error says what cannot be a program.
func Gather(program string, args []string, files Files) (Facts, error) {
	f := Facts{Path: program, Target: files.Target(program), Args: args}
	head, err := start(files, program, maxLine)
	if err != nil {
		return f, fmt.Errorf("read %s: %w", program, err)
	}
	binary := program
	if line, script := bytes.CutPrefix(head, []byte("#!")); script {
		if err := f.script(line, files); err != nil {
			return f, fmt.Errorf("read %s: %w", program, err)
		}
		binary, f.InterpreterTarget = f.Interpreter, files.Target(f.Interpreter)
	}
	if err := f.link(binary, files); err != nil {
		return f, fmt.Errorf("read %s: %w", binary, err)
	}
	f.User = user(files, f.daemon().user)
	return f, nil
}

// start returns what a file begins with.
func start(files Files, name string, most int) ([]byte, error) {
	head := make([]byte, most)
	n, err := files.ReadAt(name, head, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return head[:n], err
}

// script reads the line behind #!: the interpreter and at most one argument. With env(1) it is the program that env would start, which is then
// named by its path: a policy need not have env, nor a PATH.
func (f *Facts) script(line []byte, files Files) error {
	line, _, _ = bytes.Cut(line, []byte("\n"))
	words := strings.Fields(string(line))
	if len(words) == 0 {
		return errors.New("its first line is #! and names no interpreter")
	}
	f.Interpreter, f.InterpreterArgs = words[0], words[1:]
	if len(words) > 1 && path.Base(words[0]) == "env" {
		rest := words[1:]
		if rest[0] == "-S" || rest[0] == "--split-string" {
			rest = rest[1:]
		}
		if len(rest) == 0 || strings.HasPrefix(rest[0], "-") || strings.Contains(rest[0], "=") {
			return fmt.Errorf("its first line, %q, gives env more than a program to start; name that program in the first line", strings.Join(words, " "))
		}
		found, err := lookUp(files, rest[0], programDirs)
		if err != nil {
			return err
		}
		f.Interpreter, f.InterpreterArgs = found, rest[1:]
	} else if len(words) > 2 { // the kernel passes the rest of the line as one argument
		f.InterpreterArgs = []string{strings.Join(words[1:], " ")}
	}
	if !path.IsAbs(f.Interpreter) {
		return fmt.Errorf("its interpreter %q is not an absolute path", f.Interpreter)
	}
	return nil
}

func lookUp(files Files, name string, dirs []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range dirs {
		if _, err := start(files, path.Join(dir, name), 1); err == nil {
			return path.Join(dir, name), nil
		}
	}
	return "", fmt.Errorf("%s is in none of %s", name, strings.Join(dirs, ", "))
}

// object is what the loader needs to know of an ELF file.
type object struct {
	loader string
	needed []string
	search []string // DT_RUNPATH, or the older DT_RPATH
	class  elf.Class
}

// at is one file of Files.
type at struct {
	files Files
	name  string
}

func (r at) ReadAt(p []byte, off int64) (int, error) { return r.files.ReadAt(r.name, p, off) }

func read(files Files, name string) (o object, err error) {
	head, err := start(files, name, len(elf.ELFMAG))
	if err != nil {
		return o, err
	}
	if string(head) != elf.ELFMAG {
		return o, errors.New("it is neither an ELF program nor a script")
	}
	f, err := elf.NewFile(at{files, name})
	if err != nil {
		return o, fmt.Errorf("it is no ELF program that can be read: %w", err)
	}
	o.class = f.Class
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			text, err := io.ReadAll(io.LimitReader(p.Open(), 4096))
			if err != nil {
				return o, fmt.Errorf("read the name of its loader: %w", err)
			}
			o.loader = string(bytes.TrimRight(text, "\x00"))
		}
	}
	if f.Section(".dynamic") == nil { // static
		return o, nil
	}
	if o.needed, err = f.DynString(elf.DT_NEEDED); err != nil {
		return o, fmt.Errorf("read the names of its libraries: %w", err)
	}
	for _, tag := range []elf.DynTag{elf.DT_RPATH, elf.DT_RUNPATH} {
		list, err := f.DynString(tag)
		if err != nil {
			return o, fmt.Errorf("read where its libraries are: %w", err)
		}
		for _, text := range list {
			for dir := range strings.SplitSeq(text, ":") {
				dir = strings.NewReplacer("$ORIGIN", path.Dir(name), "${ORIGIN}", path.Dir(name)).Replace(dir)
				if path.IsAbs(dir) && !strings.Contains(dir, "$") {
					o.search = append(o.search, path.Clean(dir))
				}
			}
		}
	}
	return o, nil
}

// link finds the loader and the libraries of an ELF program, and of its libraries.
func (f *Facts) link(program string, files Files) error {
	top, err := read(files, program)
	if err != nil {
		return err
	}
	f.Loader = top.loader
	cached := cache(files)
	queue, seen := []object{top}, map[string]bool{}
	for len(queue) > 0 {
		o := queue[0]
		queue = queue[1:]
		for _, name := range o.needed {
			if seen[name] {
				continue
			}
			if seen[name] = true; len(seen) > maxLibraries {
				return fmt.Errorf("it needs more than %d libraries", maxLibraries)
			}
			found, library, err := find(files, name, o, cached)
			if err != nil {
				return err
			}
			if dir := path.Dir(found); found != f.Loader && !slices.Contains(f.Libraries, dir) {
				f.Libraries = append(f.Libraries, dir)
			}
			library.search = append(library.search, top.search...) // DT_RPATH holds for what a library needs, too
			queue = append(queue, library)
		}
	}
	slices.Sort(f.Libraries)
	return nil
}

// find returns the path of a library of the class of what needs it.
func find(files Files, name string, by object, cached map[string][]string) (string, object, error) {
	var candidates []string
	if strings.Contains(name, "/") {
		candidates = []string{name}
	} else {
		for _, dir := range by.search {
			candidates = append(candidates, path.Join(dir, name))
		}
		candidates = append(candidates, cached[name]...)
		for _, dir := range libraryDirs {
			candidates = append(candidates, path.Join(dir, name))
		}
	}
	for _, c := range candidates {
		if !path.IsAbs(c) {
			continue
		}
		if o, err := read(files, c); err == nil && o.class == by.class {
			return path.Clean(c), o, nil
		}
	}
	return "", object{}, fmt.Errorf("its library %q was not found; is the program installed whole (ldd lists its libraries)", name)
}

// user returns the first of the names that is a user of this host, or "".
func user(files Files, names []string) string {
	text, err := start(files, "/etc/passwd", 256<<10)
	if err != nil {
		return ""
	}
	for _, name := range names {
		if bytes.HasPrefix(text, []byte(name+":")) || bytes.Contains(text, []byte("\n"+name+":")) {
			return name
		}
	}
	return ""
}
