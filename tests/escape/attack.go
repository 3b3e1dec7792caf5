package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// control is how an attack is made without the sandbox.
type control int

const (
	asCaller control = iota
	asModule         // with the user that the module has
	apart            // in mount, uts, ipc and network namespaces of its own; without root in a user namespace too, as its root
)

// attack is one way out, and what must come of it.
type attack struct {
	name   string
	family string
	source string // who described it
	try    func(given) (string, error)

	policy  string // what it is made under: a file of testdata, or a policy that ships
	want    string // the answer in there: the name of an errno or of the signal that ended the process
	user    string // the answer where it is another one without root
	layer   string // what stopped it
	opens   string // a policy in which that layer is open, and the attack succeeds
	control control

	resident bool   // it is made by a module of a supervisor that stays
	rootOnly string // why it says something only when root starts the sandbox
	// landlock is the version of Landlock that the layer takes; an older kernel has nothing that would stop it.
	landlock int
	// hook prepares a run: it changes the command and returns what looks at the result, if anything has to.
	hook func(*stage, *attempt) (judge, error)
	// fact explains, when the control fails, what of this kernel or machine makes it fail.
	fact func() string
}

// judge looks at what an attack has done, and says what came of it.
type judge func(outcome) outcome

// given is what an attack is told about where it is.
type given map[string]string

func (g given) number(key string) int {
	n, err := strconv.Atoi(g[key])
	if err != nil {
		panic(fmt.Sprintf("the attack was not given the number %s", key)) // a mistake in this program
	}
	return n
}

// inside tells whether it is made in the sandbox: what a policy mounts must be mounted first where there is none.
func (g given) inside() bool { return g["inside"] == "true" }

// killedBy is the end of a child by a signal.
type killedBy unix.Signal

func (k killedBy) Error() string { return unix.SignalName(unix.Signal(k)) }

// victim makes one attack: the process that tries to get out.
func victim(args []string) int {
	if len(args) == 0 {
		return 2
	}
	i := slices.IndexFunc(attacks(), func(a attack) bool { return a.name == args[0] })
	if i < 0 {
		fmt.Fprintf(os.Stderr, "escape: there is no attack %q\n", args[0])
		return 2
	}
	told := given{}
	for _, arg := range args[1:] {
		key, value, _ := strings.Cut(arg, "=")
		told[key] = value
	}
	detail, err := onOwnThread(attacks()[i].try, told)
	say(detail, err)
	return 0
}

const marker = "escape-answer"

// say reports to the runner, which reads the last such line.
func say(detail string, err error) {
	fmt.Printf("\n%s\t%s\t%s\n", marker, answer(err), strings.Join(strings.Fields(detail), " "))
}

// onOwnThread makes an attack on a thread that is used for nothing else: its credentials, filters and directory may change.
func onOwnThread(try func(given) (string, error), told given) (detail string, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		detail, err = try(told)
	}()
	<-done
	return detail, err
}

// answer is what the kernel said, in one word where it can be.
func answer(err error) string {
	var errno unix.Errno
	var signal killedBy
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &signal):
		return signal.Error()
	case errors.As(err, &errno):
		if name := unix.ErrnoName(errno); name != "" {
			return name
		}
		return fmt.Sprintf("errno-%d", int(errno))
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

// attacks is the table of all, by family.
func attacks() []attack {
	return slices.Concat(entryAttacks(), namespaceAttacks(), ringAttacks(), processAttacks(), filterAttacks(), execAttacks(), writableCodeAttacks(),
		descriptorAttacks(), mountAttacks(), deviceAttacks(), fileAttacks(), privilegeAttacks(), hideoutAttacks(), terminalAttacks(), networkAttacks(), neighbourAttacks(),
		kernelAttacks(), procAttacks(), maskAttacks(), floodAttacks())
}
