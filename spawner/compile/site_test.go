package compile

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/seccomp/libseccomp"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

const siteHead = `version: 1
profiles:
  worker:
    user: {dynamic: true}
    namespaces: [mount, pid, ipc, uts, cgroup, network]
    capabilities: []
    filesystem: [{path: /usr, access: rx}, {path: /lib, access: rx}, {path: /etc, access: r}, {path: /tmp, tmpfs: 16M, access: rw}]
    restart: {policy: on-failure}
    seccomp:
      allow: ["@default", "@basic-io", "@file-system", "@signal", "@process"]
      deny: [execve, execveat]
modules:
`

// siteText is a policy of n modules that extend one profile.
func siteText(n int) []byte {
	var t strings.Builder
	t.WriteString(siteHead)
	for i := range n {
		fmt.Fprintf(&t, "  worker%[1]d: {extends: worker, command: [/usr/bin/sleep, \"%[1]d\"]}\n", i)
	}
	return []byte(t.String())
}

// TestSite: of many modules each question is asked once, in the same order every time, and the plan is the same every time.
func TestSite(t *testing.T) {
	var first wire.Plan
	var order []string
	for n := range 3 {
		h := theHost()
		for _, p := range []string{"/lib", "/etc", "/usr/bin/sleep"} {
			h.files[p] = sandbox.File{Kind: sandbox.Directory, Real: p, Mode: 0o755}
		}
		h.files["/usr/bin/sleep"] = sandbox.File{Kind: sandbox.Regular, Real: "/usr/bin/sleep", Mode: 0o755}
		plan, err := converseWith(t, h, Request{Facts: rootFacts(), Sources: []Source{{Name: "site.yaml", Dir: "/", Text: siteText(40)}}})
		if err != nil {
			t.Fatal(err)
		}
		if len(plan.Modules) != 40 {
			t.Fatal(plan.Rendered)
		}
		asked := map[string]bool{}
		users := map[posix.UID]string{}
		for _, q := range h.asked {
			if asked[q] {
				t.Errorf("%q is asked twice", q)
			}
			asked[q] = true
		}
		for _, m := range plan.Modules {
			if other := users[m.User.UID]; other != "" {
				t.Errorf("%s and %s have the same user", m.Name, other)
			}
			users[m.User.UID] = m.Name
		}
		if n == 0 {
			first, order = plan, h.asked
			continue
		}
		if !bytes.Equal(plan.Encode(), first.Encode()) {
			t.Error("the plan is another one every time")
		}
		if !slices.Equal(h.asked, order) {
			t.Errorf("asked %v\nthen %v", order, h.asked)
		}
	}
}

// BenchmarkSite is a conversation without the process.
func BenchmarkSite(b *testing.B) {
	k := linux.New()
	facts, err := host.Probe(k)
	if err != nil {
		b.Fatal(err)
	}
	body := EncodeRequest(Request{Facts: facts, Sources: []Source{{Name: "site.yaml", Dir: "/", Text: siteText(100)}}})
	for b.Loop() {
		ours, theirs, err := k.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			b.Fatal(err)
		}
		served := make(chan error, 1)
		go func() {
			served <- errors.Join(serve(libseccomp.Chooser(linux.New()), channel{k, theirs}), k.Close(theirs))
		}()
		plan, record, err := compiled(channel{k, ours}, lookup{files: k}, body)
		if err := errors.Join(err, k.Close(ours), <-served); err != nil {
			b.Fatal(err)
		}
		if len(plan.Modules) != 100 {
			b.Fatal(plan.Rendered)
		}
		b.ReportMetric(float64(len(record.Exchanges)), "questions")
		b.ReportMetric(float64(len(record.Plan)), "plan-bytes")
	}
}
