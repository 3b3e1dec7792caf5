package source

import (
	"os/exec"
	"strings"
	"testing"
)

// shell runs a command as a person would who copies it from a message, and returns what it printed.
func shell(t testing.TB, command string) string {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash, whose quoting the messages use")
	}
	out, err := exec.Command(bash, "-c", command).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
	return string(out)
}

func TestQuoted(t *testing.T) {
	var script strings.Builder
	paths := []string{"/etc/web.yaml", "/a b", "/it's", "/$HOME/`id`", "/new\nline", "/\x1b[31m", "/back\\slash\t'", "/b\xffad", "/ünïcode", "~", ""}
	for _, p := range paths {
		script.WriteString("printf '%s\\0' " + quoted(p) + "\n")
	}
	if got, want := shell(t, script.String()), strings.Join(paths, "\x00")+"\x00"; got != want {
		t.Errorf("the shell reads %q\nwant %q", got, want)
	}
	if got := quoted("/etc/web.yaml"); got != "/etc/web.yaml" {
		t.Errorf("a plain path is %s", got)
	}
}

func FuzzMessages(f *testing.F) {
	f.Add("/etc/web.yaml")
	f.Add("/\x1b]0;title\a\u202e")
	f.Add("a\xff' ")
	f.Fuzz(func(t *testing.T, path string) {
		for _, s := range []string{shown(path), quoted(path)} {
			for _, r := range s {
				if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u202e' {
					t.Errorf("%q becomes %q, with %U", path, s, r)
				}
			}
		}
	})
}
