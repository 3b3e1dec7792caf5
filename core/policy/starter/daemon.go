package starter

import (
	"path"
	"slices"
	"strings"
)

// daemon is what is known of a program besides what its file says.
type daemon struct {
	names   []string // of the program; one that ends in * is how it begins
	comment string   // for the head of the policy
	args    []string // when there are none
	user    []string // whose users it may have, the first that there is
	network string   // "" is none
	note    string   // about its port
	files   []string // entries of the list
	calls   []string // rules more
	socket  string   // the condition on sockets; "" is no sockets
	ioctl   []string // commands more
}

const (
	serverSockets = "family == AF_UNIX || family in [AF_INET, AF_INET6] && (type & SOCK_TYPE_MASK) == SOCK_STREAM"
	serverCalls   = "[bind, listen, accept4, connect, shutdown, getsockname, getpeername, getsockopt, setsockopt, recvfrom, recvmsg, sendto, sendmsg]"
)

// daemons are from the packages of Debian 12, each tried with the policy that comes of it.
var daemons = []daemon{
	{
		names:   []string{"nginx"},
		comment: "`supervisor --policy embedded:nginx` is a complete policy for Debian's nginx, on a socket that it inherits and without a network.",
		args:    []string{"-e", "stderr", "-g", "daemon off;"},
		user:    []string{"www-data", "nginx"},
		network: "host",
		note:    "ports below 1024 need CAP_NET_BIND_SERVICE, or a listener that is handed over",
		files: []string{"{path: /etc/nginx, access: r, if_exists: true}", "{path: /usr/share/nginx, access: r, if_exists: true}",
			"{path: /var/www, access: r, if_exists: true}",
			"{path: /var/lib/nginx, tmpfs: 64M}", "{path: /var/log/nginx, tmpfs: 16M}", "{path: /run, tmpfs: 1M}",
			"{path: /etc/passwd, access: r}", "{path: /etc/group, access: r}", "{path: /etc/ssl/openssl.cnf, access: r, if_exists: true}"},
		calls:  []string{"[socketpair, sendfile, prctl, setsid, kill, io_setup, io_destroy]", serverCalls},
		socket: serverSockets,
		ioctl:  []string{"FIOASYNC"},
	},
	{
		names:   []string{"redis-server", "valkey-server"},
		comment: "`supervisor --policy embedded:redis` is a complete policy for Debian's Redis, which says when it is ready.",
		args:    []string{"--dir", "/var/lib/redis"},
		user:    []string{"redis", "valkey"},
		network: "host",
		files: []string{"{path: /var/lib/redis, access: rw, if_exists: true}", "{path: /etc/redis, access: r, if_exists: true}", "{path: /proc, proc: pid}",
			"{path: /dev/urandom, access: r}", "{path: /etc/localtime, access: r, if_exists: true}"},
		calls:  []string{"[kill, tgkill, getrusage, setitimer, prctl]", serverCalls},
		socket: serverSockets,
	},
	{
		names: []string{"python3*"},
		files: []string{"{path: /usr/lib/TARGET, access: rx, if_exists: true}", "{path: /usr/lib/python3, access: rx, if_exists: true}",
			"{path: /usr/local/lib/TARGET, access: rx, if_exists: true}", "{path: /dev/urandom, access: r}"},
		calls: []string{"[kill, tgkill, getrusage]"},
	},
	{
		names: []string{"perl*"},
		files: []string{"{path: /usr/share/perl, access: r, if_exists: true}", "{path: /usr/share/perl5, access: r, if_exists: true}",
			"{path: /usr/lib/x86_64-linux-gnu/perl, access: rx, if_exists: true}", "{path: /usr/lib/x86_64-linux-gnu/perl-base, access: rx, if_exists: true}",
			"{path: /dev/urandom, access: r}"},
	},
}

// daemon returns what is known of the program, or of its interpreter.
func (f Facts) daemon() daemon {
	if f.Interpreter != "" {
		return known(path.Base(f.Interpreter), path.Base(f.InterpreterTarget))
	}
	return known(path.Base(f.Path), path.Base(f.Target))
}

// known returns what is known by either name of a program: redis-server is a link to what checks its files, python3 one to a version.
func known(name, target string) daemon {
	for _, d := range daemons {
		for _, n := range d.names {
			prefix, some := strings.CutSuffix(n, "*")
			if name != n && (!some || !strings.HasPrefix(name, prefix)) {
				continue
			}
			d.files = slices.Clone(d.files)
			for i := range d.files {
				d.files[i] = strings.ReplaceAll(d.files[i], "TARGET", Name(target))
			}
			return d
		}
	}
	return daemon{}
}
