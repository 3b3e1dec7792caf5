package program

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func ExampleProgram_Explain() {
	b := NewBuilder("web", "web.yaml")
	usr := b.Add(Prepare{Kind: HostPath, Path: "/usr", Directory: true, Origin: Origin{Line: 9}})
	tree := b.Add(Prepare{Kind: Tree, From: usr, Path: "/usr", Attr: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NODEV, Origin: Origin{Line: 9}})
	b.Add(Prepare{Kind: Ruleset, Handled: 0x1fff, Rules: []Rule{{From: tree, Access: 0xd, Origin: Origin{Line: 9}}}})
	b.Call(Origin{}, "setsid", unix.SYS_SETSID)
	b.Call(Origin{Line: 9}, "move_mount", unix.SYS_MOVE_MOUNT, FD(tree, "/usr"), b.String(""))
	_ = b.Explain(os.Stdout)
	// Output:
	// web: the spawner prepares
	//   <0> open /usr   # web.yaml:9
	//   <1> copy mount of /usr (ro,nodev)   # web.yaml:9
	//   <2> landlock ruleset handling 0x1fff
	//         allow 0xd below copy mount of /usr (ro,nodev)   # web.yaml:9
	// web: the child does
	//     1 setsid()
	//     2 move_mount(</usr>, "")   # web.yaml:9
}

func TestDescribe(t *testing.T) {
	p := Program{Prepare: []Prepare{
		HostPath:    {Kind: HostPath, Path: "/usr"},
		Tree:        {Kind: Tree, From: 0},
		Tmpfs:       {Kind: Tmpfs, Path: "/tmp", Options: []Option{{"size", "1M"}, {Key: "noswap"}}, Attr: unix.MOUNT_ATTR_NOEXEC | unix.MOUNT_ATTR_NOSUID},
		CgroupTree:  {Kind: CgroupTree, Path: "memory"},
		CgroupProcs: {Kind: CgroupProcs, Path: "memory"},
		Ruleset:     {Kind: Ruleset, Handled: 1},
		Listener:    {Kind: Listener, Path: "http"},
		Stdio:       {Kind: Stdio, From: 2},
		InitProgram: {Kind: InitProgram},
		Socket:      {Kind: Socket, Path: NotifySocket, Attr: unix.MOUNT_ATTR_RDONLY},
		InitProcess: {Kind: InitProcess},
		OfInit:      {Kind: OfInit, From: 7},
		Seed:        {Kind: Seed},
		Network:     {Kind: Network, Path: WithLoopback},
		NetworkMade: {Kind: NetworkMade},
	}}
	want := []string{"open /usr", "copy mount of /usr", "new tmpfs /tmp size=1M noswap (nosuid,noexec)", "copy mount of control group memory",
		"open cgroup.procs of memory", "landlock ruleset handling 0x1", "listener http", "standard stream stderr", "init program",
		"copy mount of socket notify (ro)", "process of the namespace's init", "descriptor of the init's program: <7>",
		"mount namespace with an empty root", "process that makes a network namespace with lo up", "socket that says when it is made"}
	// Every kind is described: a new one without a name would show as an empty text.
	if len(want) != len(prepareNames) {
		t.Fatalf("%d kinds have a name, %d are tested", len(prepareNames), len(want))
	}
	for i := range want {
		if got := p.Describe(i); got != want[i] {
			t.Errorf("kind %d is %q, want %q", i, got, want[i])
		}
	}
}

func TestPlace(t *testing.T) {
	p := Program{File: "web.yaml"}
	if got := p.Place(Origin{Line: 31, Col: 2}); got != "web.yaml:31" {
		t.Errorf("%q", got)
	}
	if got := p.Place(Origin{}); got != "every module" {
		t.Errorf("%q", got)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, unix.ENOSPC }

func TestExplainReportsWriteErrors(t *testing.T) {
	if err := (&Program{}).Explain(fullDisk{}); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("%v", err)
	}
}
