package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// socket is one that was inherited. It owns the descriptor, which stays where it was handed over, and what serves on copies of it.
type socket struct {
	file     *os.File
	listener net.Listener   // or
	packets  net.PacketConn // for datagrams

	Name    string `json:"name"`
	Network string `json:"network"`
	Address string `json:"address"`
	Inode   uint64 `json:"inode"` // the same as long as it is the same socket, whoever holds it
}

// inherit takes the sockets that LISTEN_FDS announces. None at all is an error: there is nothing to serve.
func inherit() ([]socket, error) {
	files := activation.Files(true)
	if len(files) == 0 {
		return nil, errors.New("no socket was handed over: LISTEN_FDS and LISTEN_PID do not say so")
	}
	out := make([]socket, 0, len(files))
	for _, f := range files {
		s, err := take(f)
		out = append(out, s)
		if err != nil {
			return nil, errors.Join(err, closeAll(out))
		}
	}
	return out, nil
}

// take makes a socket of a descriptor, which it owns from then on, also with an error.
func take(f *os.File) (socket, error) {
	s := socket{file: f, Name: f.Name()}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return s, fmt.Errorf("look at the socket %s: %w", s.Name, err)
	}
	s.Inode = st.Ino
	listener, err := net.FileListener(f)
	if err == nil {
		s.listener = listener
		s.Network, s.Address = listener.Addr().Network(), listener.Addr().String()
		return s, nil
	}
	packets, err2 := net.FilePacketConn(f)
	if err2 != nil {
		return s, fmt.Errorf("use the socket %s: %w", s.Name, errors.Join(err, err2))
	}
	s.packets = packets
	s.Network, s.Address = packets.LocalAddr().Network(), packets.LocalAddr().String()
	return s, nil
}

// answerDatagrams echoes until the socket is closed.
func answerDatagrams(c net.PacketConn, instance string) error {
	const most = 1 << 16
	buf := make([]byte, most)
	for {
		n, from, err := c.ReadFrom(buf)
		if err != nil {
			return fmt.Errorf("receive on %s: %w", c.LocalAddr(), err)
		}
		// One that has gone away, or does not want the answer, does not matter to the others.
		_, _ = c.WriteTo(append([]byte(instance+" "), buf[:n]...), from)
	}
}

// stop ends accepting on the own copies; the socket itself goes on listening for whoever else holds it.
func (s *socket) stop() error {
	var errs []error
	closeOne := func(c io.Closer) {
		if err := c.Close(); !errors.Is(err, net.ErrClosed) { // http.Server closes what it could not serve
			errs = append(errs, err)
		}
	}
	if s.listener != nil {
		closeOne(s.listener)
	}
	if s.packets != nil {
		closeOne(s.packets)
	}
	if s.file != nil {
		closeOne(s.file)
	}
	s.listener, s.packets, s.file = nil, nil, nil
	return errors.Join(errs...)
}

func closeAll(sockets []socket) error {
	var errs []error
	for i := range sockets {
		errs = append(errs, sockets[i].stop())
	}
	return errors.Join(errs...)
}
