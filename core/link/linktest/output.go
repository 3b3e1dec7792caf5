package linktest

import (
	"os"
	"sync"

	"github.com/bulkhead/bulkhead/posix"
)

// Output is what an instance writes to. Its methods can be called by any goroutine.
type Output struct {
	kernel posix.Core
	fd     posix.FD

	mu      sync.Mutex // guards what follows
	writing int        // calls of Write, which have the descriptor
	closed  bool
}

// Write writes all of p, however long the reader takes. Once closed it returns [os.ErrClosed].
func (o *Output) Write(p []byte) (n int, err error) {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return 0, os.ErrClosed
	}
	o.writing++
	o.mu.Unlock()
	for n < len(p) && err == nil {
		m := 0
		m, err = o.kernel.Write(o.fd, p[n:])
		n += max(m, 0)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writing--
	o.settle()
	return n, err
}

// Close closes it, when the last Write has come to its end. The second time it does nothing.
func (o *Output) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.closed = true
		o.settle()
	}
}

func (o *Output) settle() {
	if o.closed && o.writing == 0 {
		_ = o.kernel.Close(o.fd)
	}
}
