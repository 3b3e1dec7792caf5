package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestGuide does what docs/guide-policy.md tells a reader to do, in a new directory, and compares what is printed with what the guide shows:
//
//   - in a block ```console, lines that begin with "$ " are commands, those that end with \ being continued; what follows them is what they
//     print, in which … stands for anything in a line, and … alone for any lines. A command ends with status 0, or with N where it says
//     "# status N";
//   - a block ```diff FILE is a change of the file, another block with a FILE a part of it, or all of it when there is none yet.
func TestGuide(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"/usr/bin/redis-server", "redis-cli", "strace", "systemd-analyze"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed: %v", program, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(place.root, "docs/guide-policy.md"))
	if err != nil {
		t.Fatal(err)
	}
	r := reader{t: t, dir: openDir(t), path: filepath.Dir(place.supervisor) + ":" + os.Getenv("PATH")}
	for _, b := range regexp.MustCompile("(?ms)^```(\\w+) ?([^\\n]*)\\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		switch language, file, text := b[1], b[2], b[3]; language {
		case "console":
			r.console(text)
		case "diff":
			r.change(file, text)
		default:
			r.part(file, text)
		}
	}
	if r.commands < 15 || r.changes < 4 {
		t.Errorf("%d commands and %d changes: the test does not see what it is about", r.commands, r.changes)
	}
}

// reader is somebody who does what the guide says.
type reader struct {
	t                 *testing.T
	dir, path         string
	commands, changes int
}

// status is what a command ends with when it is not 0.
var status = regexp.MustCompile(`# status (\d+)$`)

// console runs the commands of a block.
func (r *reader) console(text string) {
	r.t.Helper()
	for _, part := range strings.Split("\n"+text, "\n$ ")[1:] {
		command, printed := "", part
		for more := true; more; {
			var line string
			line, printed, _ = strings.Cut(printed, "\n")
			command, more = strings.TrimPrefix(command+"\n"+line, "\n"), strings.HasSuffix(line, "\\")
		}
		want := "0"
		if s := status.FindStringSubmatch(command); s != nil {
			want = s[1]
		}
		r.commands++
		out, status := r.run(command)
		out, printed = strings.TrimRight(out, "\n")+"\n", strings.TrimRight(printed, "\n")+"\n"
		if status != want || !alike(printed, out) {
			r.t.Errorf("$ %s\nends with status %s, and the guide says %s; it prints\n%s\nand the guide says\n%s", command, status, want, out, printed)
		}
	}
}

// run runs a command in bash, with what it leaves in the background until the guide's next command has ended it.
func (r *reader) run(command string) (out, status string) {
	r.t.Helper()
	output := filepath.Join(r.t.TempDir(), "output")
	file, err := os.Create(output)
	if err != nil {
		r.t.Fatal(err)
	}
	defer file.Close()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	c := exec.CommandContext(ctx, "bash", "-c", command)
	c.Dir, c.Stdout, c.Stderr = r.dir, file, file // a file: who is in the background does not keep it waiting
	c.Env = append(os.Environ(), "PATH="+r.path, "LANG=C.UTF-8")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	_ = c.Run() // the status says how it ended
	r.t.Cleanup(func() { _ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) })
	printed, err := os.ReadFile(output)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(printed), fmt.Sprint(c.ProcessState.ExitCode())
}

// change replaces what a file has in the lines of a diff that begin with a space or -, by those that begin with a space or +.
func (r *reader) change(name, diff string) {
	r.t.Helper()
	var before, after strings.Builder
	for line := range strings.Lines(diff) {
		if line[0] != '+' {
			before.WriteString(line[1:])
		}
		if line[0] != '-' {
			after.WriteString(line[1:])
		}
	}
	text := r.read(name)
	if strings.Count(text, before.String()) != 1 {
		r.t.Fatalf("%s has these lines %d times, which the guide changes:\n%s\n%s", name, strings.Count(text, before.String()), before.String(), text)
	}
	r.changes++
	r.write(name, strings.Replace(text, before.String(), after.String(), 1))
}

// part checks that a file has these lines, or writes the file.
func (r *reader) part(name, lines string) {
	r.t.Helper()
	if _, err := os.Stat(filepath.Join(r.dir, name)); err != nil {
		r.write(name, lines)
		return
	}
	if text := r.read(name); !strings.Contains(text, lines) {
		r.t.Errorf("%s does not have the lines that the guide shows:\n%s\n%s", name, lines, text)
	}
}

func (r *reader) read(name string) string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

func (r *reader) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// alike tells whether what was printed is what the guide shows.
func alike(shown, printed string) bool {
	var pattern strings.Builder
	pattern.WriteString("^")
	for line := range strings.Lines(shown) {
		if line == "…\n" {
			pattern.WriteString(`(.*\n)*?`)
			continue
		}
		pattern.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*"))
	}
	return regexp.MustCompile(pattern.String() + `$`).MatchString(printed)
}
