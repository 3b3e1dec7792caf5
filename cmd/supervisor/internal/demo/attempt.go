package demo

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// Verdict says how an attempt ended.
type Verdict string

const (
	Denied  Verdict = "denied"
	Allowed Verdict = "ALLOWED"
)

// Attempt is one forbidden thing that was tried, and what came of it.
type Attempt struct {
	Name    string  `json:"name"`   // what was tried
	Gain    string  `json:"gain"`   // what it would be good for
	Call    string  `json:"call"`   // the call that decided, as strace prints it
	Answer  string  `json:"answer"` // what the kernel answered: an error name, or "success" or what was found
	Verdict Verdict `json:"verdict"`
	Layer   Layer   `json:"layer,omitempty"` // who refused; empty unless denied
}

// attempt is an entry of the table.
type attempt struct {
	name, gain string
	try        func() answer
}

// answer is what became of the call that decided an attempt.
type answer struct {
	call  string
	nr    uintptr // of the call
	errno unix.Errno
	// reached are errors that only come from behind every wall: the attempt is made such that it stops there, harmlessly.
	reached []unix.Errno
	// layers are who gives an error when the filter did not.
	layers map[unix.Errno]Layer
	// said is the answer in words where there is no error to name, and refused whether it means no.
	said    string
	refused Layer
}

// run makes an attempt on a thread of its own, which ends with it: what it may have changed about the thread is gone.
func (a attempt) run(filtered func(answer) bool) Attempt {
	done := make(chan answer)
	go func() {
		runtime.LockOSThread() // never unlocked, so that the thread ends
		done <- a.try()
	}()
	return a.judge(<-done, filtered)
}

// judge says what an answer means.
func (a attempt) judge(got answer, filtered func(answer) bool) Attempt {
	out := Attempt{Name: a.name, Gain: a.gain, Call: got.call, Answer: got.said, Verdict: Denied}
	if out.Answer == "" {
		out.Answer = errnoName(got.errno)
	}
	switch {
	case got.refused != "":
		out.Layer = got.refused
	case got.errno == 0, contains(got.reached, got.errno):
		out.Verdict = Allowed
	case filtered(got):
		out.Layer = LayerSeccomp
	default:
		out.Layer = got.layers[got.errno]
		if out.Layer == "" {
			out.Layer = LayerHost
		}
	}
	return out
}

func contains(list []unix.Errno, e unix.Errno) bool {
	for _, v := range list {
		if v == e {
			return true
		}
	}
	return false
}

func errnoName(e unix.Errno) string {
	if e == 0 {
		return "success"
	}
	if name := unix.ErrnoName(e); name != "" {
		return name
	}
	return fmt.Sprintf("errno %d", int(e))
}

// errno returns the error number of an error of package unix.
func errno(err error) unix.Errno {
	if err == nil {
		return 0
	}
	if e, ok := err.(unix.Errno); ok {
		return e
	}
	return unix.EINVAL
}
