package victim

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// newIDMap stands in for newuidmap(1) and newgidmap(1) where they are not installed: under their names and set-uid root, it writes the map of a process.
// It asks nobody whether the ranges are the caller's, which is theirs to test.
func newIDMap(args []string) (status int, called bool) {
	file, called := map[string]string{"newuidmap": "uid_map", "newgidmap": "gid_map"}[filepath.Base(os.Args[0])]
	if !called {
		return 0, false
	}
	var text strings.Builder
	for i, a := range args[1:] {
		text.WriteString(a + []string{" ", " ", "\n"}[i%3])
	}
	err := os.WriteFile("/proc/"+args[0]+"/"+file, []byte(text.String()), 0)
	for _, v := range os.Environ() {
		if v != "GOTRACEBACK=none" { // which the runtime of a set-uid program sets
			err = errors.Join(err, fmt.Errorf("the environment has %s", v))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, filepath.Base(os.Args[0])+":", err)
		return 1, true
	}
	return 0, true
}
