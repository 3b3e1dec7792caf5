package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// neighbours starts what a module may not know of: a process of the same user, sockets, shared memory, a message queue.
func (s *stage) neighbours() error {
	pid, word, err := s.neighbour()
	if err != nil {
		return err
	}
	s.props["pid"], s.props["word"] = strconv.Itoa(pid), word

	name := fmt.Sprintf("bulkhead-escape-%d", os.Getpid())
	abstract, err := net.Listen("unix", "@"+name)
	if err != nil {
		return err
	}
	s.later(abstract.Close)
	s.props["abstract"] = name

	local, err := net.Listen("unix", s.path("hidden/socket"))
	if err != nil {
		return err
	}
	s.later(local.Close)
	if err := os.Chmod(s.path("hidden/socket"), 0o666); err != nil {
		return err
	}
	s.props["socket"] = s.path("hidden/socket")

	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.later(tcp.Close)
	s.props["port"] = strconv.Itoa(tcp.Addr().(*net.TCPAddr).Port)

	shm, err := unix.SysvShmGet(unix.IPC_PRIVATE, 4096, unix.IPC_CREAT|0o666)
	if err != nil {
		return fmt.Errorf("make shared memory: %w", err)
	}
	s.later(func() error { _, err := unix.SysvShmCtl(shm, unix.IPC_RMID, nil); return err })
	s.props["shm"] = strconv.Itoa(shm)
	return nil
}

// neighbour starts a process with the user of modules, which does nothing until it is ended. word is the address of a word of its memory.
func (s *stage) neighbour() (pid int, word string, err error) {
	cmd := exec.Command(s.victim, "neighbour")
	s.becomeModule(cmd)
	// It ends with this program, however that ends.
	attributes(cmd).Pdeathsig = syscall.SIGKILL
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, "", err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, "", err
	}
	if err := cmd.Start(); err != nil {
		return 0, "", err
	}
	s.later(func() error {
		err := errors.Join(in.Close(), cmd.Process.Kill())
		var status *exec.ExitError
		if e := cmd.Wait(); !errors.As(e, &status) {
			err = errors.Join(err, e)
		}
		if errors.Is(err, os.ErrProcessDone) {
			err = nil
		}
		return err
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	return cmd.Process.Pid, strings.TrimSpace(line), err
}

// beNeighbour is the neighbour itself.
func beNeighbour() int {
	a, err := newArena(4096)
	if err != nil {
		return 1
	}
	fmt.Println(a.words(0x73656372))
	var b [1]byte
	_, _ = os.Stdin.Read(b[:])
	return 0
}
