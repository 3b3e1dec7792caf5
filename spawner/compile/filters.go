package compile

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
	"github.com/bulkhead/bulkhead/sandbox/seccomp/libseccomp"
)

// filters makes the filters of one request, each once: a filter depends on what its section means, and the modules of a site often mean
// the same. It implements [sandbox.Filters].
type filters struct {
	compile func(policy.Seccomp) (*seccomp.Filter, error)
	slots   chan struct{} // as many filters are made at the same time

	mu   sync.Mutex // guards what follows
	made map[string]func() (sandbox.Filter, error)
}

func newFilters(k Kernel) *filters {
	return &filters{
		compile: func(s policy.Seccomp) (*seccomp.Filter, error) {
			return libseccomp.Compile(s, libseccomp.Options{Files: k, Memory: k})
		},
		slots: make(chan struct{}, runtime.GOMAXPROCS(0)),
		made:  map[string]func() (sandbox.Filter, error){},
	}
}

// begin starts to make the filters of modules, while the caller does something else.
func (f *filters) begin(modules []policy.Module) {
	for i := range modules {
		rules, err := seccomp.Resolve(modules[i].Seccomp)
		if err != nil {
			continue // Module reports it
		}
		if filter, isNew := f.of(modules[i].Seccomp, rules); isNew {
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
	rules, err := seccomp.Resolve(section)
	if err != nil {
		return sandbox.Filter{}, err
	}
	filter, _ := f.of(section, rules)
	return filter()
}

// Init implements [sandbox.Filters].
func (f *filters) Init(calls []string) (sandbox.Filter, error) {
	filter, _ := f.once("init "+strings.Join(calls, " "), func() (sandbox.Filter, error) { return OwnFilter(calls) })
	return filter()
}

// of returns what makes the filter of a section with these rules, and whether nobody asked for it before.
func (f *filters) of(section policy.Seccomp, rules seccomp.Rules) (filter func() (sandbox.Filter, error), isNew bool) {
	return f.once(meaning(rules), func() (sandbox.Filter, error) { return f.make(section, rules) })
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

// make makes the filter of a section with these rules: with exec once, unless they allow execveat anyway.
func (f *filters) make(section policy.Seccomp, rules seccomp.Rules) (sandbox.Filter, error) {
	made, err := f.compile(section)
	if err != nil {
		return sandbox.Filter{}, err
	}
	made, how := seccomp.Smaller(made)
	nr, known := seccomp.Number("execveat")
	if !known {
		return sandbox.Filter{}, fmt.Errorf("the table has no execveat; this is a bug of ours, please report it")
	}
	if _, allowed := slices.BinarySearch(rules.Allow, nr); allowed {
		return sandbox.Filter{Program: made.Program, Detail: how}, nil
	}
	once, err := execOnce(made)
	once.Detail = how
	return once, err
}

// meaning is the same for rules that answer alike, and for no others.
func meaning(r seccomp.Rules) string {
	key := make([]byte, 0, 8+4*len(r.Allow))
	for _, word := range [][]uint32{{r.Denied, r.Default}, r.Allow} {
		for _, w := range word {
			key = binary.LittleEndian.AppendUint32(key, w)
		}
	}
	return string(key)
}
