package compile

import (
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

func TestSameUsers(t *testing.T) {
	module := func(file, name, user string, uid posix.UID, level sandbox.Level) wire.Module {
		pos := policy.Pos{File: file, Line: 3, Col: 4}
		return wire.Module{Name: name, Pos: pos, Program: &program.Program{File: file}, User: sandbox.User{UID: uid}, Enforcement: []sandbox.Enforcement{{Protection: "user", Level: level}},
			Sections: []policy.Section{{Key: "name"}, {Key: "user", Pos: policy.Pos{File: file, Line: 7, Col: 9}, Items: []string{user}}}}
	}
	const root, ordinary = sandbox.Enforced, sandbox.Degraded
	manager := module("embedded:manager", "manager", "dynamic: true", 61500, root)
	tests := []struct {
		name    string
		modules []wire.Module
		want    string
	}{
		{"different", []wire.Module{module("a", "x", "u", 1, root), module("a", "y", "v", 2, root), manager}, ""},
		{"the same by name, which the parser reports", []wire.Module{module("a", "x", "u", 1, root), module("a", "y", "u", 1, root)}, ""},
		{"by another name", []wire.Module{module("a", "x", "u", 1, root), module("a", "y", "1", 1, root)}, "W642 a:7:9"},
		{"in another file", []wire.Module{module("a", "x", "u", 1, root), module("b", "y", "u", 1, root)}, "W642 b:7:9"},
		{"without root", []wire.Module{module("a", "x", "u", 1, ordinary), module("b", "y", "u", 1, ordinary)}, ""},
		{"the manager's, later", []wire.Module{manager, module("a", "x", "61500", 61500, root)}, "E643 a:7:9"},
		{"the manager's, earlier", []wire.Module{module("a", "x", "61500", 61500, root), manager, module("b", "y", "61500", 61500, root)}, "E643 a:7:9 E643 b:7:9"},
		{"a module that is only called manager", []wire.Module{module("a", "manager", "u", 1, root), module("b", "y", "v", 1, root)}, "W642 b:7:9"},
		{"without root all have the manager's", []wire.Module{module("embedded:manager", "manager", "u", 1, ordinary), module("a", "x", "u", 1, ordinary)}, ""},
	}
	for _, tt := range tests {
		var got []string
		ds := sameUsers(tt.modules)
		for _, d := range ds {
			got = append(got, d.Code+" "+d.Pos.String())
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, ds, tt.want)
		}
		if ds.HasErrors() != strings.Contains(tt.want, "E643") {
			t.Errorf("%s: wrong severity: %v", tt.name, ds)
		}
	}
}
