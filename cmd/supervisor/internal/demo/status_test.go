package demo

import (
	"os"
	"slices"
	"strings"
	"testing"
)

const webStatus = `Name:	demo
Umask:	0022
State:	R (running)
Pid:	2
PPid:	0
Uid:	33	34	35	36
Gid:	43	44	45	46
Groups:	7 4294967294 
VmRSS:	    9128 kB
Threads:	7
CapInh:	0000000000000000
CapPrm:	0000000000000400
CapEff:	0000000000000402
CapBnd:	000003ffffffffff
CapAmb:	8000000000000000
NoNewPrivs:	1
Seccomp:	2
Seccomp_filters:	3
`

func TestParseStatus(t *testing.T) {
	s, err := parseStatus(webStatus)
	if err != nil {
		t.Fatal(err)
	}
	if s.pid != 2 || s.parent != 0 || s.threads != 7 || s.resident != "9128 kB" || !s.noNewPrivs || s.seccompMode != 2 || s.seccompFilters != 3 {
		t.Errorf("got %+v", s)
	}
	if s.uids != [4]uint32{33, 34, 35, 36} || s.gids != [4]uint32{43, 44, 45, 46} || !slices.Equal(s.groups, []uint32{7, 1<<32 - 2}) {
		t.Errorf("identity: %v %v %v", s.uids, s.gids, s.groups)
	}
	if s.caps != (capabilitySets{0, 0x400, 0x402, 0x3ffffffffff, 1 << 63}) {
		t.Errorf("capabilities: %x", s.caps)
	}
	named := s.caps.named()
	if got := named[0]; got.Name != "effective" || !slices.Equal(got.Names, []string{"CAP_DAC_OVERRIDE", "CAP_NET_BIND_SERVICE"}) {
		t.Errorf("effective: %+v", got)
	}
	if got := named[3]; got.Name != "bounding" || len(got.Names) != 42 {
		t.Errorf("bounding has %d names: %+v", len(got.Names), got)
	}
	if got := named[4]; !slices.Equal(got.Names, []string{"CAP_63"}) {
		t.Errorf("a capability that the table does not have: %+v", got)
	}
}

func TestParseStatusOfOtherKernels(t *testing.T) {
	old := strings.ReplaceAll(webStatus, "Seccomp_filters:\t3\n", "") // before 5.9
	if s, err := parseStatus(old); err != nil || s.seccompFilters != -1 {
		t.Errorf("got %d filters, %v; want -1 for not said", s.seccompFilters, err)
	}
	for _, c := range []struct{ name, from, to string }{
		{"no users", "Uid:\t33\t34\t35\t36\n", ""},
		{"three users", "\t36", ""},
		{"words for numbers", "Pid:\t2", "Pid:\ttwo"},
		{"no hexadecimal", "0000000000000402", "402 and more"},
		{"nothing said about seccomp", "Seccomp:\t2\n", ""},
		{"nothing said about new privileges", "NoNewPrivs:\t1\n", ""},
	} {
		if _, err := parseStatus(strings.Replace(webStatus, c.from, c.to, 1)); err == nil {
			t.Errorf("%s: no error", c.name)
		}
	}
}

func TestReadOwnStatus(t *testing.T) {
	s, err := readStatus(ownProc)
	if err != nil {
		t.Fatal(err)
	}
	if s.pid != os.Getpid() || s.uids[1] != uint32(os.Geteuid()) || s.threads < 1 {
		t.Errorf("got %+v for process %d of user %d", s, os.Getpid(), os.Geteuid())
	}
}
