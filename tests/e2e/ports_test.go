package e2e

import (
	"net"
	"os"
	"strings"
	"testing"
)

// TestPorts: of the host's network a module connects to the ports that its policy names, and binds those.
func TestPorts(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/usr/bin/perl"); err != nil {
		t.Fatal(err) // of the base system
	}
	var open [2]string
	for i := range open {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, open[i], _ = net.SplitHostPort(l.Addr().String())
	}
	const script = `use Socket; socket(S, AF_INET, SOCK_STREAM, 0) or die "socket: $!"; my $a = sockaddr_in($ARGV[1], inet_aton("127.0.0.1"));
		($ARGV[0] eq "bind" ? bind(S, $a) : connect(S, $a)) or do { print "$!\n"; exit 1 }; print "done\n"`
	files := []string{"{path: /usr, access: rx}", "{path: /bin, access: rx}", "{path: /lib, access: rx}", "{path: /lib64, access: rx, if_exists: true}", "{path: /dev/null, access: rw}"}
	for _, c := range []struct {
		name, call, port, rules string
		want                    string
	}{
		{"connect without a list", "connect", open[0], "", "done"},
		{"connect to a listed port", "connect", open[0], ", connect: [{tcp: [" + open[0] + "]}]", "done"},
		{"connect to another port", "connect", open[1], ", connect: [{tcp: [" + open[0] + "]}]", "Permission denied"},
		{"connect with an empty list", "connect", open[0], ", connect: []", "Permission denied"},
		{"bind without a list", "bind", "0", "", "done"},
		{"bind a port that the kernel chooses", "bind", "0", ", bind: [{tcp: [0]}]", "done"},
		{"bind another port", "bind", "0", ", bind: [{tcp: [1-9]}]", "Permission denied"},
		{"bind with an empty list, connect", "connect", open[1], ", bind: []", "done"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if abi := landlockABI(); abi < 4 && c.rules != "" {
				t.Skipf("this kernel has version %d of Landlock, and ports are in the fourth", abi)
			}
			text := "version: 1\nmodules:\n" + (&module{files: files}).text()
			text = strings.Replace(strings.Replace(text, ", network]", "]", 1), "network: {mode: none}", "network: {mode: host"+c.rules+"}", 1)
			r := supervisor(t, "exec", "--policy", writePolicy(t, text), "--", "/usr/bin/perl", "-e", script, c.call, c.port).run(t)
			if r.stdout != c.want+"\n" {
				t.Errorf("%s %s: %s%s, want %s", c.call, c.port, r.stdout, r.stderr, c.want)
			}
		})
	}
}
