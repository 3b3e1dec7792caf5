package hangfs

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// order is what a test tells the server, a line of JSON.
type order struct {
	// Mount is of the first one.
	Mount    string            `json:",omitempty"`
	Files    map[string]string `json:",omitempty"` // by their path below the mount, where their bytes are
	Remember uint64            `json:",omitempty"`
	// Hang are requests that are kept; Resume answers them, before that.
	Hang   []Request `json:",omitempty"`
	Resume bool      `json:",omitempty"`
}

// Serve is the server, when this process was executed to be it, and does not return then.
func Serve() {
	if os.Args[0] != argv0 {
		return
	}
	if err := serve(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serve() error {
	orders := json.NewDecoder(bufio.NewReader(os.Stdin))
	var o order
	if err := orders.Decode(&o); err != nil {
		return err
	}
	s := server{nodes: map[uint64]*node{}, seconds: o.Remember}
	s.add("", unix.S_IFDIR|0o755, nil)
	for name, from := range o.Files {
		text, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		s.file(name, text)
	}
	var err error
	if s.device, err = unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("open /dev/fuse: %w", err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", s.device)
	if err := unix.Mount("bulkhead-hangfs", o.Mount, "fuse", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		return fmt.Errorf("mount FUSE at %s: %w", o.Mount, err)
	}
	fmt.Println(mounted)
	go s.answerAll()
	for orders.Decode(&o) == nil {
		s.obey(o)
		fmt.Println(obeyed)
		o = order{}
	}
	return nil // the test has gone, and this server with it
}

// node is a file or a directory.
type node struct {
	id       uint64
	path     string // below the mount, "" is its root
	mode     uint32
	text     []byte
	children map[string]*node
}

type server struct {
	device  int
	nodes   map[uint64]*node
	seconds uint64

	mu   sync.Mutex // guards what follows
	hang []Request
	kept []request
}

func (s *server) add(name string, mode uint32, text []byte) *node {
	n := &node{id: uint64(len(s.nodes) + 1), path: name, mode: mode, text: text, children: map[string]*node{}}
	s.nodes[n.id] = n
	return n
}

// file adds a file with the directories above it.
func (s *server) file(name string, text []byte) {
	at := s.nodes[1]
	parts := strings.Split(name, "/")
	for i, part := range parts {
		next := at.children[part]
		if next == nil && i == len(parts)-1 {
			next = s.add(name, unix.S_IFREG|0o755, text)
		} else if next == nil {
			next = s.add(path.Join(parts[:i+1]...), unix.S_IFDIR|0o755, nil)
		}
		at.children[part] = next
		at = next
	}
}

func (s *server) obey(o order) {
	s.mu.Lock()
	var kept []request
	if o.Resume {
		kept, s.kept, s.hang = s.kept, nil, nil
	}
	s.hang = append(s.hang, o.Hang...)
	s.mu.Unlock()
	for _, r := range kept {
		s.answer(r)
	}
}

// answerAll answers until it is unmounted.
func (s *server) answerAll() {
	buffer := make([]byte, 256<<10)
	for {
		n, err := unix.Read(s.device, buffer)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENOENT) { // a request that was interrupted before it was read
			continue
		}
		if err != nil {
			os.Exit(0)
		}
		if r, ok := parse(buffer[:n]); ok && !s.keeps(r) {
			s.answer(r)
		}
	}
}

// keeps tells whether a request is kept without an answer.
func (s *server) keeps(r request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.nodes[r.node]
	if n == nil {
		return false
	}
	at := n.path
	if r.op == Lookup {
		at = path.Join(at, r.name())
	}
	if !slices.Contains(s.hang, Request{r.op, at}) {
		return false
	}
	s.kept = append(s.kept, r)
	fmt.Println(hanging)
	return true
}

// name is what a lookup is about.
func (r request) name() string { return string(bytes.TrimRight(r.body, "\x00")) }

// answer answers one request.
func (s *server) answer(r request) {
	errno, body := unix.Errno(0), []byte(nil)
	n := s.nodes[r.node]
	switch r.op {
	case forget, batchForget, interrupt:
		return // nobody waits for an answer
	case initialize:
		body = initOut()
	case Lookup:
		if child := n.children[r.name()]; child != nil {
			body = entry(child, s.seconds)
		} else {
			errno = unix.ENOENT
		}
	case Getattr:
		body = attrOut(n, s.seconds)
	case Open, Opendir:
		body = make([]byte, 16)
	case Read:
		from := min(binary.NativeEndian.Uint64(r.body[8:]), uint64(len(n.text)))
		size := min(uint64(binary.NativeEndian.Uint32(r.body[16:])), uint64(len(n.text))-from)
		body = n.text[from : from+size]
	case Readdir, release, releasedir:
	case Statfs:
		body = make([]byte, 80)
	default:
		errno = unix.ENOSYS
	}
	_, _ = unix.Write(s.device, reply(r.unique, errno, body)) // ENOENT: who asked has gone
}
