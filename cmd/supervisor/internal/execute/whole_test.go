package execute

import (
	"slices"
	"testing"
)

func TestTaken(t *testing.T) {
	for name, c := range map[string]struct{ argv, want []string }{
		"exec that was left to the whole program": {[]string{"supervisor", handedOn, "--help"}, []string{"supervisor", Name, "--help"}},
		"the same in a user namespace": {[]string{"supervisor", "role:inside-userns:7:000", handedOn, "x", handedOn},
			[]string{"supervisor", "role:inside-userns:7:000", Name, "x", handedOn}},
		"another command":       {[]string{"supervisor", "status", handedOn}, []string{"supervisor", "status", handedOn}},
		"exec":                  {[]string{"supervisor", Name, handedOn}, []string{"supervisor", Name, handedOn}},
		"nothing":               {[]string{"supervisor"}, []string{"supervisor"}},
		"not even its own name": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			before := slices.Clone(c.argv)
			if got := Taken(c.argv); !slices.Equal(got, c.want) {
				t.Errorf("it is %q, want %q", got, c.want)
			}
			if !slices.Equal(c.argv, before) {
				t.Errorf("the command line became %q", c.argv)
			}
		})
	}
}

// TestNotUnderstood: what is not a command line of exec, or asks for help, does nothing here and is left to the whole program.
func TestNotUnderstood(t *testing.T) {
	for _, flags := range [][]string{{"--help"}, {"-h"}, {"--polizy", "x"}, {"--timeout", "soon"}, {"--json-status"}} {
		if status, understood := Run(append([]string{"supervisor", Name}, flags...)); understood {
			t.Errorf("%q: it was understood, with status %d", flags, status)
		}
	}
	if err := Whole([]string{"supervisor", "status"}); err == nil {
		t.Error("another command was taken for exec")
	}
}
