package oci

import (
	"path"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// procLists are what a configuration says of the kernel's part of /proc: linux.maskedPaths and linux.readonlyPaths of the runtime specification. A
// list that is not there is nil: then the policy has the default one.
type procLists struct{ masked, readOnly []string }

// procLists reads the lists of a configuration's linux.
func (r *profileReader) procLists(linux *value) {
	masked := r.procPaths(linux, "maskedPaths", nil)
	r.p.proc = procLists{masked, r.procPaths(linux, "readonlyPaths", masked)}
}

// procPaths reads the paths of a list that are below /proc, the outermost ones, sorted, but for those that lie in one of another list.
func (r *profileReader) procPaths(linux *value, key string, masked []string) []string {
	v := linux.get(key)
	if v == nil || v.kind != array {
		if v != nil {
			r.fail(v.at, "linux.%s is a list, and this is %s", key, v.kind)
		}
		return nil
	}
	names := []string{}
	for _, item := range r.list(v, "linux."+key, text) {
		p := path.Clean("/" + item.scalar)
		name, inside := strings.CutPrefix(p, "/proc/")
		switch {
		case p == "/proc":
			r.note(item.at, "%s is not carried: take the proc out of filesystem, or give it access: r", item.scalar)
		case !inside:
			r.note(item.at, "%s is not carried: a module sees nothing of it unless filesystem lists it", item.scalar)
		case policy.OfProcess(name):
			r.note(item.at, "%s is not carried: what processes show of each other is for hidepid to say", item.scalar)
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	all := slices.Concat(names, masked)
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool {
		return slices.Contains(masked, n) || slices.ContainsFunc(all, func(o string) bool { return o != n && strings.HasPrefix(n, o+"/") })
	})
}

// entry is the line of a policy's filesystem list.
func (l procLists) entry() string {
	if l.masked == nil && l.readOnly == nil {
		return ""
	}
	text := "{path: /proc, proc: all, access: rw"
	for _, k := range [...]struct {
		key   string
		names []string
	}{{"masked", l.masked}, {"read_only", l.readOnly}} {
		if k.names == nil {
			continue
		}
		paths := make([]string, len(k.names))
		for i, n := range k.names {
			paths[i] = exchange.Scalar("/proc/" + n)
		}
		text += ", " + k.key + ": [" + strings.Join(paths, ", ") + "]"
	}
	return text + "}"
}
