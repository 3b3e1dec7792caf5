package posix_test

import (
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix"
)

// The table must list exactly the methods of Core; Go sorts a reflected method set, so both sides are sorted.
func TestOpsAreTheMethodsOfCore(t *testing.T) {
	core := reflect.TypeFor[posix.Core]()
	var want, got []string
	for i := range core.NumMethod() {
		want = append(want, core.Method(i).Name)
	}
	for _, op := range posix.Ops() {
		got = append(got, op.Method())
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("operations %v\nmethods    %v", got, want)
	}
}

func TestOpTable(t *testing.T) {
	narrow := map[string]reflect.Type{
		"Files": reflect.TypeFor[posix.Files](), "Sockets": reflect.TypeFor[posix.Sockets](), "Processes": reflect.TypeFor[posix.Processes](),
		"Signals": reflect.TypeFor[posix.Signals](), "Polling": reflect.TypeFor[posix.Polling](), "Memory": reflect.TypeFor[posix.Memory](),
		"Clock": reflect.TypeFor[posix.Clock](), "Credentials": reflect.TypeFor[posix.Credentials](), "Namespaces": reflect.TypeFor[posix.Namespaces](),
		"Limits": reflect.TypeFor[posix.Limits](), "Hardening": reflect.TypeFor[posix.Hardening](), "Terminals": reflect.TypeFor[posix.Terminals](),
	}
	word := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	names := map[string]bool{}
	for _, op := range posix.Ops() {
		if !word.MatchString(op.String()) || names[op.String()] {
			t.Errorf("%s: name %q is malformed or used twice", op.Method(), op)
		}
		names[op.String()] = true
		if back, ok := posix.OpByName(op.String()); !ok || back != op {
			t.Errorf("OpByName(%q) = %d, %v, want %d", op, back, ok, op)
		}
		if _, ok := narrow[op.Interface()]; !ok {
			t.Errorf("%s: unknown interface %q", op, op.Interface())
		} else if _, ok := narrow[op.Interface()].MethodByName(op.Method()); !ok {
			t.Errorf("%s: interface %s has no method %s", op, op.Interface(), op.Method())
		}
		if len(op.Calls()) == 0 || slices.ContainsFunc(op.Calls(), func(c string) bool { return !word.MatchString(c) }) {
			t.Errorf("%s: system calls %q", op, op.Calls())
		}
		if op.Retry() < posix.RetryFree || op.Retry() > posix.RetryCaller {
			t.Errorf("%s: retry %v", op, op.Retry())
		}
		if reason := op.RetryReason(); !strings.Contains(reason, " ") || strings.HasSuffix(reason, ".") {
			t.Errorf("%s: %v because %q: that is no clause", op, op.Retry(), reason)
		}
	}
}

func TestOpFacts(t *testing.T) {
	for _, tt := range []struct {
		op    posix.Op
		name  string
		calls []string
		retry posix.Retry
		why   string
	}{
		{posix.OpOpenat2, "openat2", []string{"openat2"}, posix.RetryFree, "nothing was opened"},
		{posix.OpClose, "close", []string{"close"}, posix.RetryNever, "the descriptor is gone"},
		{posix.OpEpollWait, "epoll_wait", []string{"epoll_pwait"}, posix.RetryCaller, "timeout"},
		{posix.OpClone3, "clone3", []string{"clone3", "rt_sigprocmask", "mmap", "munmap"}, posix.RetryNever, "final"},
		{posix.OpGetsockoptTCPInfo, "getsockopt_tcp_info", []string{"getsockopt"}, posix.RetryFree, "only reads"},
		{posix.OpLandlockABI, "landlock_abi", []string{"landlock_create_ruleset"}, posix.RetryFree, "only reads"},
		{0, "op(0)", nil, 0, ""},
		{posix.OpCount, "op(" + strconv.Itoa(int(posix.OpCount)) + ")", nil, 0, ""},
		{255, "op(255)", nil, 0, ""},
	} {
		if tt.op.String() != tt.name || !slices.Equal(tt.op.Calls(), tt.calls) || tt.op.Retry() != tt.retry {
			t.Errorf("%d: %q %v %v, want %q %v %v", tt.op, tt.op, tt.op.Calls(), tt.op.Retry(), tt.name, tt.calls, tt.retry)
		}
		if why := tt.op.RetryReason(); !strings.Contains(why, tt.why) || (why == "") != (tt.why == "") {
			t.Errorf("%s: reason %q, want %q in it", tt.op, why, tt.why)
		}
	}
	if op, ok := posix.OpByName("no_such"); ok || op != 0 {
		t.Errorf("OpByName of an unknown name gave %v, %v", op, ok)
	}
	if op, ok := posix.OpByName(""); ok || op != 0 {
		t.Errorf("OpByName of an empty name gave %v, %v", op, ok)
	}
}

// A caller that changes the slice it was given must not change the table.
func TestCallsIsACopy(t *testing.T) {
	posix.OpClose.Calls()[0] = "changed"
	if got := posix.OpClose.Calls()[0]; got != "close" {
		t.Errorf("table says %q after a caller changed its copy", got)
	}
}
