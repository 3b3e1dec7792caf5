package demo

import (
	"errors"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// patientListener outlives a shutdown of its socket: it waits for the supervisor to bring it back. And it can stop accepting without
// closing anything, as a process does that hangs: clients wait in the socket's queue then.
type patientListener struct {
	net.Listener
	stop sync.Once
	hung chan struct{}
	gone chan struct{} // closed by Close
	once sync.Once
}

func newPatientListener(l net.Listener) *patientListener {
	return &patientListener{Listener: l, hung: make(chan struct{}), gone: make(chan struct{})}
}

// healing is how long the listener waits between two looks at a socket that was shut down.
const healing = 20 * time.Millisecond

// hang makes Accept wait for ever.
func (p *patientListener) hang() {
	p.stop.Do(func() { close(p.hung) })
	if l, ok := p.Listener.(interface{ SetDeadline(time.Time) error }); ok {
		_ = l.SetDeadline(time.Unix(1, 0)) // wakes the Accept that waits; a closed listener has none
	}
}

// Accept implements [net.Listener].
func (p *patientListener) Accept() (net.Conn, error) {
	for {
		c, err := p.Listener.Accept()
		select {
		case <-p.hung:
			if c != nil {
				return c, nil // it was taken from the queue, so it is ours to answer
			}
			<-p.gone
			return nil, net.ErrClosed
		default:
		}
		if !errors.Is(err, unix.EINVAL) {
			return c, err
		}
		select {
		case <-p.gone:
			return nil, net.ErrClosed
		case <-time.After(healing):
		}
	}
}

// Close implements [net.Listener].
func (p *patientListener) Close() error {
	p.once.Do(func() { close(p.gone) })
	return p.Listener.Close()
}
