package posix

// Core is every system call that Bulkhead makes, composed of narrow interfaces.
// All methods may be called from any goroutine; the documentation of each says
// whether its effect is on the calling thread or on the process.
type Core interface {
	Files
	Sockets
	Processes
	Signals
	Polling
	Memory
	Clock
	Credentials
	Namespaces
	Limits
	Hardening
	Terminals
}
