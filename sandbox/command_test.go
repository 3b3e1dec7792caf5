package sandbox

import (
	"slices"
	"strings"
	"testing"
)

// TestCommandOfExec: what `exec -- COMMAND` names is looked for as a shell does, and what is wrong is reported at the module.
func TestCommandOfExec(t *testing.T) {
	tests := []struct {
		name, path, command string
		files               []string // default: /usr and /lib, executable
		exec                string
		code, says          string
	}{
		{name: "absolute", command: "/bin/true", exec: `"/bin/true"`},
		{name: "default path", command: "web", exec: `"/usr/sbin/web"`},
		{name: "path of the module", path: "/usr/sbin:/bin", command: "true", exec: `"/bin/true"`},
		{name: "not along the path", path: "/usr/sbin", command: "true", code: CodeCommandNotFound, says: "along /usr/sbin"},
		{name: "no such command", command: "gone", code: CodeCommandNotFound, says: "not found in the module's root"},
		{name: "a directory is skipped", path: "/usr:/usr/sbin", command: "bin", code: CodeCommandNotFound},
		{name: "a file without permission is skipped", command: "plain", code: CodeCommandNotFound},
		{name: "outside of the list", path: "/opt/lang/bin", command: "run", code: CodeCommandNotFound},
		{name: "relative", command: "bin/true", code: CodeCommandNotFound, says: "relative path"},
		{name: "relative directory in the path", path: "bin", command: "true", code: CodeCommandNotFound},
		{name: "link through what is hidden", command: "editor", code: CodeCommandNotAllowed, says: "a link that leads through /etc/alternatives/editor"},
		{name: "link through what is listed", command: "editor", exec: `"/usr/bin/editor"`,
			files: []string{"{path: /usr, access: rx}", "{path: /etc/alternatives, access: r}"}},
		{name: "empty", command: "", code: CodeCommandNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			module := plain
			if tt.files != nil {
				module = withFiles(tt.files...)
			}
			if tt.path != "" {
				module = strings.Replace(module, "environment: {LANG: C}", `environment: {PATH: "`+tt.path+`"}`, 1)
			}
			res, ds := compileWith(t, debian(), module, func(r *Request) { r.Command = []string{tt.command, "arg"} })
			if tt.code != "" {
				if len(ds) != 1 || ds[0].Code != tt.code || ds[0].Pos.Line != 7 || !strings.Contains(ds[0].Message, tt.says) {
					t.Errorf("%v, want %s at the module", ds, tt.code)
				}
				return
			}
			if res == nil {
				t.Fatal(ds)
			}
			last := res.Program.Steps[len(res.Program.Steps)-1]
			if !strings.Contains(last.Text, "AT_FDCWD, "+tt.exec) || last.Origin.Line != 0 {
				t.Errorf("%s, from line %d", last.Text, last.Origin.Line)
			}
			if argv := array(t, res.Program, last.Args[2]); !slices.Equal(argv, []string{tt.command, "arg"}) {
				t.Errorf("argv is %q", argv)
			}
		})
	}
}
