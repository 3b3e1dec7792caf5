package program

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// bounded is a program that takes capabilities from the bounding set, between other steps.
func bounded(between func(b *Builder)) *Program {
	b := NewBuilder("web", "web.yaml")
	b.Call(Origin{}, "setsid", unix.SYS_SETSID)
	b.Call(Origin{}, "prctl", unix.SYS_PRCTL, Const(unix.PR_CAPBSET_DROP, "PR_CAPBSET_DROP"), Int(unix.CAP_CHOWN))
	between(b)
	b.Call(Origin{}, "prctl", unix.SYS_PRCTL, Const(unix.PR_CAPBSET_DROP, "PR_CAPBSET_DROP"), Int(unix.CAP_SYS_ADMIN))
	b.Call(Origin{}, "prctl", unix.SYS_PRCTL, Const(unix.PR_CAPBSET_READ, "PR_CAPBSET_READ"), Int(unix.CAP_KILL))
	return &b.Program
}

func TestBounding(t *testing.T) {
	const both = 1<<unix.CAP_CHOWN | 1<<unix.CAP_SYS_ADMIN
	tests := []struct {
		name    string
		between func(b *Builder)
		taken   uint64
		fresh   bool
	}{
		{"nothing else", func(*Builder) {}, both, false},
		{"other namespaces", func(b *Builder) {
			b.Call(Origin{}, "unshare", unix.SYS_UNSHARE, Const(unix.CLONE_NEWNS, "CLONE_NEWNS"))
		}, both, false},
		{"a user namespace", func(b *Builder) {
			b.Call(Origin{}, "unshare", unix.SYS_UNSHARE, Const(unix.CLONE_NEWUSER|unix.CLONE_NEWNS, "CLONE_NEWUSER|CLONE_NEWNS"))
		}, both, true},
		{"somebody's namespaces", func(b *Builder) {
			b.Call(Origin{}, "setns", unix.SYS_SETNS, Int(5), Const(unix.CLONE_NEWNS|unix.CLONE_NEWNET, "CLONE_NEWNS|CLONE_NEWNET"))
		}, both, false},
		{"somebody's user namespace", func(b *Builder) {
			b.Call(Origin{}, "setns", unix.SYS_SETNS, Int(5), Const(unix.CLONE_NEWUSER, "CLONE_NEWUSER"))
		}, both, true},
		{"any namespace", func(b *Builder) { b.Call(Origin{}, "setns", unix.SYS_SETNS, Int(5), Int(0)) }, both, true},
		{"namespaces that nobody knows before", func(b *Builder) { b.Call(Origin{}, "unshare", unix.SYS_UNSHARE, Kept(1, "$1")) }, both, true},
		{"a capability that nobody knows before", func(b *Builder) {
			b.Call(Origin{}, "prctl", unix.SYS_PRCTL, Const(unix.PR_CAPBSET_DROP, "PR_CAPBSET_DROP"), Kept(1, "$1"))
		}, both, false},
		{"what is none", func(b *Builder) {
			b.Call(Origin{}, "prctl", unix.SYS_PRCTL, Const(unix.PR_CAPBSET_DROP, "PR_CAPBSET_DROP"), Int(64))
		}, both, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if taken, fresh := bounded(tt.between).Bounding(); taken != tt.taken || fresh != tt.fresh {
				t.Errorf("%#x, %v; want %#x, %v", taken, fresh, tt.taken, tt.fresh)
			}
		})
	}
}

// TestExplainBounding: what a launcher may leave out is said to be so, once.
func TestExplainBounding(t *testing.T) {
	var b strings.Builder
	if err := bounded(func(*Builder) {}).Explain(&b); err != nil {
		t.Fatal(err)
	}
	if want := "    1 setsid()\n" + leftOut + "    2 prctl(PR_CAPBSET_DROP, 0)\n    3 prctl(PR_CAPBSET_DROP, 21)\n    4 prctl(PR_CAPBSET_READ, 5)\n"; !strings.HasSuffix(b.String(), want) {
		t.Errorf("%s\nwant at its end\n%s", b.String(), want)
	}
	b.Reset()
	err := bounded(func(b *Builder) {
		b.Call(Origin{}, "unshare", unix.SYS_UNSHARE, Const(unix.CLONE_NEWUSER, "CLONE_NEWUSER"))
	}).Explain(&b)
	if err != nil || strings.Contains(b.String(), leftOut) {
		t.Errorf("%v\n%s", err, b.String())
	}
}
