package posix

import "sync/atomic"

// active is the implementation of this process, set once by [Use].
var active atomic.Pointer[Core]

// Use makes core the active implementation of this process. A program calls it
// once, in main, before anything else asks for [Active]. It panics when core is
// nil, when its layers are not in the order that [CheckOrder] wants, and when it
// is called a second time: an implementation that changes while calls are under
// way would be seen by some and not by others.
func Use(core Core) {
	if core == nil {
		panic("posix.Use was given a nil Core: pass an implementation such as linux.New().")
	}
	if err := CheckOrder(core); err != nil {
		panic("posix.Use was given a stack whose order is wrong: " + err.Error() + ".")
	}
	if !active.CompareAndSwap(nil, &core) {
		panic("posix.Use was called twice: the active implementation is " + Describe(*active.Load()) +
			" and can be set only once, in main.")
	}
}

// Active returns the implementation that was given to [Use], and panics when
// there is none yet. Only main packages call it; a library takes the narrowest
// interface that it needs as a parameter.
func Active() Core {
	core := active.Load()
	if core == nil {
		panic("posix.Active was called before posix.Use: main must first choose an implementation, for example posix.Use(linux.New()).")
	}
	return *core
}
