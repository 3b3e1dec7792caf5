package demo

import (
	"fmt"
	"os"
	"strings"
)

// Namespace is one that the process is in.
type Namespace struct {
	Kind string `json:"kind"` // as policies name it
	ID   string `json:"id"`   // inode number
	// Initial means that it is the one the host booted with. For mount and network only kernels from 6.18 on have fixed numbers to
	// tell it by.
	Initial bool `json:"initial"`
}

// initialIDs are the inode numbers of the first namespaces: include/uapi/linux/nsfs.h.
var initialIDs = map[string]string{
	"ipc": "4026531839", "uts": "4026531838", "user": "4026531837", "pid": "4026531836", "cgroup": "4026531835", "time": "4026531834",
	"net": "4026531833", "mnt": "4026531832",
}

// namespaceKinds are the links in /proc/PID/ns with the names of policies.
var namespaceKinds = [...]struct{ link, name string }{
	{"user", "user"}, {"mnt", "mount"}, {"pid", "pid"}, {"ipc", "ipc"}, {"uts", "uts"}, {"cgroup", "cgroup"}, {"net", "network"}, {"time", "time"},
}

// readNamespaces reads the links of a directory such as /proc/self/ns.
func readNamespaces(dir string) ([]Namespace, error) {
	out := []Namespace{}
	for _, k := range namespaceKinds {
		target, err := os.Readlink(dir + "/" + k.link)
		if os.IsNotExist(err) { // a kernel without this kind
			continue
		}
		if err != nil {
			return out, fmt.Errorf("read the %s namespace: %w", k.name, err)
		}
		_, id, ok := strings.Cut(strings.TrimSuffix(target, "]"), ":[")
		if !ok {
			return out, fmt.Errorf("read the %s namespace: %q is not a namespace", k.name, target)
		}
		out = append(out, Namespace{Kind: k.name, ID: id, Initial: initialIDs[k.link] == id})
	}
	return out, nil
}
