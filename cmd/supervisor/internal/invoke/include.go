package invoke

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/bulkhead/bulkhead/spawner/compile"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/source"
)

// Include opens a file that a policy includes, as it is now, under the rule of trust that the policy was opened under.
func (a *Invocation) Include(path string) (source.File, error) {
	f, _, err := source.OpenFile(a.Core, path, a.trust)
	return f, err
}

// mayInclude tells whether a text can have the key include: the word with a colon behind it. A word of a comment is none.
func mayInclude(text []byte) bool {
	for {
		_, rest, found := bytes.Cut(text, []byte("include"))
		if !found {
			return false
		}
		if text = bytes.TrimLeft(rest, "\"' \t\r\n"); len(text) > 0 && text[0] == ':' {
			return true
		}
	}
}

// includeAhead reads what the policies include before the user namespace is entered, because nobody's owner can be told in there. Which files
// these are is in the policies, so the confined process parses them here too; but only where the text can have an include.
func (a *Invocation) includeAhead(c *carried) (err error) {
	if !slices.ContainsFunc(c.Sources, func(s compile.Source) bool { return mayInclude(s.Text) }) {
		return nil
	}
	if a.Facts, err = a.probe(false); err != nil {
		return Exit(StatusSupervisor, err)
	}
	if a.Launcher, err = launch.New(a.Core, launch.Options{}); err != nil {
		return Exit(StatusSupervisor, err)
	}
	defer func() {
		err = errors.Join(err, a.Launcher.Close())
		a.Launcher = nil
	}()
	c.Included = map[string]source.File{}
	var said bytes.Buffer // warnings are said again inside
	_, err = a.Compile(compile.Request{Sources: c.Sources, CheckOnly: true, Include: func(path string) (source.File, error) {
		f, ids, err := source.OpenFile(a.Core, path, a.trust)
		if err == nil {
			c.Included[path] = f
			c.Trusted = append(c.Trusted, ids...)
		}
		return f, err
	}}, &said)
	if err != nil {
		fmt.Fprint(os.Stderr, said.String())
	}
	return err
}
