package workbench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/suite"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/spawner/compile"
)

// Exit statuses of the commands.
const (
	done     = 0
	findings = 1
	invalid  = 2
)

// Kernel is what [Serve] needs: a channel to its parent, and memory for the C library to write a filter to.
type Kernel interface {
	posix.Files
	posix.Memory
}

// Serve is the confined process: it takes one request from its parent, and returns one result.
func Serve(k Kernel) error {
	return compile.Attend(k, func(request []byte, ask func([]byte) ([]byte, error)) []byte {
		t := &task{kernel: k, ask: ask}
		if err := json.Unmarshal(request, &t.Request); err != nil {
			t.fail(fmt.Errorf("read the request: %w", err))
		} else {
			t.run()
		}
		reply, err := json.Marshal(Result{Status: t.status, Out: t.out.Bytes(), Err: t.err.Bytes(), Files: t.files, Rewritten: t.rewritten, Live: t.live})
		if err != nil {
			panic(err) // there is nothing in it that JSON does not have
		}
		return reply
	})
}

// task is a command at work.
type task struct {
	Request
	kernel   Kernel
	ask      func(question []byte) ([]byte, error)
	out, err bytes.Buffer
	files    []File
	status   int

	rewritten map[int][]byte

	// See parse.
	texts    map[string][]byte // of policies, by the file of positions
	includes map[string]answer // policies that others include, by their paths
	said     map[policy.Diagnostic]bool
	live     map[int][]suite.Live
}

// run runs the command.
func (t *task) run() {
	command, known := commands()[t.Command]
	if !known {
		t.fail(fmt.Errorf("no command %q; this is a bug of ours, please report it", t.Command))
		return
	}
	if err := command(t); errors.Is(err, errReported) {
		t.status = invalid
	} else if err != nil {
		t.fail(err)
	}
}

// fail ends the command: its input is not what it can work with.
func (t *task) fail(err error) {
	fmt.Fprintf(&t.err, "supervisor: %v\n", err)
	t.status = invalid
}

// found makes the status say that there is something to look at.
func (t *task) found() { t.status = max(t.status, findings) }

// option returns an option of the command line, "" when it is not set.
func (t *task) option(name string) string { return t.Options[name] }

// read returns the text of a file that an input names.
func (t *task) read(path string) ([]byte, error) {
	a, err := t.question(question{Path: path})
	return a.Text, err
}

// question asks the parent for a file.
func (t *task) question(q question) (answer, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return answer{}, err
	}
	reply, err := t.ask(body)
	if err != nil {
		return answer{}, err
	}
	var a answer
	if err := json.Unmarshal(reply, &a); err != nil {
		return answer{}, fmt.Errorf("read the answer about %s: %w", q.Path, err)
	}
	if a.Error != "" {
		return answer{}, &refusal{a.Error, a.Help}
	}
	return a, nil
}

// refusal is an answer that is an error.
type refusal struct{ why, help string }

func (r *refusal) Error() string { return r.why }

// Help is for [policy.Options].
func (r *refusal) Help() string { return r.help }

// errReported ends a command whose reason has been printed.
var errReported = errors.New("reported")

// modules returns the modules of all inputs, or the one that the option module names.
func (t *task) modules() ([]*policy.Module, error) {
	policies, err := t.policies()
	if err != nil {
		return nil, err
	}
	only := t.option("module")
	var all []*policy.Module
	var names []string
	for _, p := range policies {
		for i := range p.Modules {
			names = append(names, p.Modules[i].Name)
			if only == "" || p.Modules[i].Name == only {
				all = append(all, &p.Modules[i])
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("module %q is not defined; defined: %s", only, strings.Join(names, ", "))
	}
	return all, nil
}

// print prints a value as JSON when the option output says so, and as text otherwise.
func (t *task) print(v any, text func() error) error {
	switch format := t.option("output"); format {
	case "", "table", "text":
		return text()
	case "json":
		e := json.NewEncoder(&t.out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(v)
	default:
		return fmt.Errorf("output %q: use table or json", format)
	}
}
