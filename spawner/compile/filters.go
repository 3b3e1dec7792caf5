package compile

import (
	"fmt"
	"runtime"
	"strings"
	"sync"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// Chooser makes the program of a decision function, and says of which kind it is. It is called by several goroutines at once.
type Chooser = func(*seccomp.Decision) (f *seccomp.Filter, how string, err error)

// filters makes the filters of one request, each once: a filter depends on what its section means, and the modules of a site often mean
// the same. It implements [sandbox.Filters].
type filters struct {
	compile Chooser
	slots   chan struct{} // as many filters are made at the same time

	mu   sync.Mutex // guards what follows
	made map[string]func() (sandbox.Filter, error)
}

func newFilters(choose Chooser) *filters {
	return &filters{
		compile: choose,
		slots:   make(chan struct{}, runtime.GOMAXPROCS(0)),
		made:    map[string]func() (sandbox.Filter, error){},
	}
}

// begin starts to make the filters of modules, while the caller does something else.
func (f *filters) begin(modules []policy.Module) {
	for i := range modules {
		decision, err := seccomp.Resolve(modules[i].Seccomp)
		if err != nil {
			continue // Module reports it
		}
		if filter, isNew := f.of(decision); isNew {
			go func() {
				f.slots <- struct{}{}
				_, _ = filter() // Module returns it
				<-f.slots
			}()
		}
	}
}

// Module implements [sandbox.Filters]. The errors of a section have its places.
func (f *filters) Module(section policy.Seccomp) (sandbox.Filter, error) {
	decision, err := seccomp.Resolve(section)
	if err != nil {
		return sandbox.Filter{}, err
	}
	filter, _ := f.of(decision)
	return filter()
}

// Init implements [sandbox.Filters].
func (f *filters) Init(calls []string) (sandbox.Filter, error) {
	filter, _ := f.once("init "+strings.Join(calls, " "), func() (sandbox.Filter, error) { return OwnFilter(calls) })
	return filter()
}

// of returns what makes the filter of a decision function, and whether nobody asked for it before.
func (f *filters) of(d *seccomp.Decision) (filter func() (sandbox.Filter, error), isNew bool) {
	return f.once("module "+d.Key(), func() (sandbox.Filter, error) { return f.make(d) })
}

func (f *filters) once(key string, make func() (sandbox.Filter, error)) (filter func() (sandbox.Filter, error), isNew bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if filter, ok := f.made[key]; ok {
		return filter, false
	}
	f.made[key] = sync.OnceValues(make)
	return f.made[key], true
}

// make makes the filter of a decision function: with exec once, unless it allows execveat anyway.
func (f *filters) make(d *seccomp.Decision) (sandbox.Filter, error) {
	made, how, err := f.compile(d)
	if err != nil {
		return sandbox.Filter{}, err
	}
	nr, known := seccomp.Number("execveat")
	if !known {
		return sandbox.Filter{}, fmt.Errorf("the table has no execveat; this is a bug of ours, please report it")
	}
	if answer, ok := d.Always(seccomp.Native(), nr); ok && answer == bpf.RetAllow {
		return sandbox.Filter{Program: made.Program, Detail: how}, nil
	}
	once, err := execOnce(made)
	once.Detail = how
	return once, err
}
