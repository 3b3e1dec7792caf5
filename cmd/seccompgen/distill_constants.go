package main

import (
	"cmp"
	"debug/elf"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// compiler is how gcc for x86-64 is told to read the headers of an architecture. A constant depends on the sizes and the alignment
// of types, which -m32, -mx32 and -malign-double set, and on the architecture's own headers.
type compiler struct {
	arch  string
	dir   string // below arch/
	flags []string
}

var compilers = []compiler{
	{"x86_64", "x86", []string{"-m64"}},
	{"x86", "x86", []string{"-m32"}},
	{"x32", "x86", []string{"-mx32"}},
	{"aarch64", "arm64", []string{"-m64", "-U__x86_64__", "-D__aarch64__"}},
	{"arm", "arm", []string{"-m32", "-malign-double", "-U__i386__", "-D__arm__", "-D__ARM_EABI__"}},
}

// headers are those whose constants are arguments of system calls, below include/uapi.
var headers = strings.Fields(`
	asm/fcntl.h asm/ioctls.h asm/mman.h asm/poll.h asm/resource.h asm/shmbuf.h asm/signal.h asm/siginfo.h asm/socket.h asm/sockios.h
	asm/stat.h asm/termbits.h asm/hwcap.h asm/prctl.h asm/ptrace.h asm/ldt.h
	linux/acct.h linux/aio_abi.h linux/audit.h linux/bpf.h linux/cachestat.h linux/capability.h linux/close_range.h
	linux/eventfd.h linux/eventpoll.h linux/fadvise.h linux/falloc.h linux/fanotify.h linux/fcntl.h linux/fiemap.h linux/filter.h linux/fs.h
	linux/fscrypt.h linux/fsverity.h linux/futex.h linux/genetlink.h linux/if_alg.h linux/if_packet.h linux/if_tun.h linux/icmp.h
	linux/in.h linux/in6.h linux/inotify.h linux/io_uring.h linux/ioprio.h linux/ipc.h linux/kcmp.h linux/kd.h linux/kexec.h
	linux/keyctl.h linux/landlock.h linux/loop.h linux/lsm.h linux/magic.h linux/major.h linux/membarrier.h
	linux/memfd.h linux/mempolicy.h linux/mman.h linux/mount.h linux/mqueue.h linux/msg.h linux/net.h linux/netfilter_ipv4.h
	linux/netlink.h linux/nsfs.h linux/openat2.h linux/perf_event.h linux/personality.h linux/pidfd.h linux/poll.h linux/prctl.h
	linux/ptrace.h linux/quota.h linux/random.h linux/reboot.h linux/resource.h linux/rseq.h linux/rtc.h linux/rtnetlink.h
	linux/sched.h linux/sched/types.h linux/seccomp.h linux/securebits.h linux/sem.h linux/serial.h linux/shm.h
	linux/signal.h linux/signalfd.h linux/socket.h linux/sockios.h linux/stat.h linux/tcp.h
	linux/termios.h linux/time.h linux/timerfd.h linux/timex.h linux/tty.h linux/udp.h linux/uio.h linux/un.h linux/unistd.h
	linux/userfaultfd.h linux/vm_sockets.h linux/vt.h linux/wait.h linux/watchdog.h linux/xattr.h linux/if_ether.h
	linux/tls.h`)

// prelude is what the headers take from a C library.
const prelude = `#include <linux/types.h>
#include <linux/socket.h>
typedef __SIZE_TYPE__ size_t;
typedef __UINTPTR_TYPE__ uintptr_t;
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
typedef unsigned long long uint64_t;
typedef __kernel_sa_family_t sa_family_t;
typedef __kernel_old_time_t time_t;
struct sockaddr { sa_family_t sa_family; char sa_data[14]; };
`

// dropped are the names that no argument of a system call takes: numbers of calls, instructions of BPF's programs and helpers, file
// formats, and contents of messages.
var dropped = regexp.MustCompile(`^(AUDIT_|Audit|BPF_FUNC_|BPF_(?:FIB|SOCK_OPS|XDP|LOAD|F_|TCP|LWT)|IFLA_|IFA_|IF_|NDA_|NDTA|NDTPA|RTA|RTM|RTN|` +
	`RTEXT|TCA_|` +
	`PORT_|PSR_|ASYNC|RTNLGRP|CTRL_|SKF_|QIF_|XDP_|VXLAN|CX86|COMPAQ|VNIFILTER|SVE_|MACVLAN|MACSEC|NTF_|NUD_|NETKIT|RMNET|IPVLAN|RWH|` +
	`EM_|TCPI_|HWCAP|X86_|ARM_|KEY_|BLK|CTL_|KERN_|NET_|DEV_|ABI_|PTY_|\w+_MAJOR$|PERF_(?:RECORD|SAMPLE_BRANCH|MEM|BR)_|NETLINK_ATTR|` +
	`FPE_|ILL_|SEGV_|BUS_|TRAP_|CLD_|NLMSGERR|NFEA|PREFIX_|ETHTOOL|CAN_|NT_|WIN_|TIPC|ARPHRD|NFC_|DT_|NFT_|HDIO|PTP_|MTD_|UBI_|NFNL|EV_|` +
	`SHT_|PT_|SHF_|DEVLINK|SMART|EI_|` +
	`SHN_|STT_|ET_|STB_|LWTUNNEL|TASKSTATS|CRYPTO_|WG|ELFOSABI|VER_|LMI_|LINK_|LINUX_|PARITY_|ENCODING_|UART_|SERIAL_|_)`)

var (
	objectMacro = regexp.MustCompile(`(?m)^#define ([A-Z][A-Za-z0-9_]*) +\S`)
	enumBody    = regexp.MustCompile(`enum\s*\w*\s*\{([^}]*)\}`)
	enumerator  = regexp.MustCompile(`^\s*([A-Z][A-Za-z0-9_]*)`)
	errorLine   = regexp.MustCompile(`(?:^|\s)values\.c:(\d+):\d+: error:`)
)

// distillConstants writes the value that each architecture's headers give each constant: NAME VALUE where all are equal, and
// otherwise NAME ARCH=VALUE … for the architectures that have it.
func distillConstants(p packages) ([]byte, error) {
	values := map[string]map[string]uint64{}
	for _, c := range compilers {
		found, err := p.constants(c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.arch, err)
		}
		for name, v := range found {
			if values[name] == nil {
				values[name] = map[string]uint64{}
			}
			values[name][c.arch] = v
		}
	}
	b := p.start("The constants of the kernel's headers for programs", commonPackage)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		b.WriteString(name)
		of := values[name]
		distinct := map[uint64]bool{}
		for _, v := range of {
			distinct[v] = true
		}
		if len(of) == len(compilers) && len(distinct) == 1 {
			fmt.Fprintf(b, " %#x\n", of[compilers[0].arch])
			continue
		}
		for _, c := range compilers {
			if v, has := of[c.arch]; has {
				fmt.Fprintf(b, " %s=%#x", c.arch, v)
			}
		}
		b.WriteString("\n")
	}
	return b.Bytes(), nil
}

// constants compiles every name that the headers define to an array, and reads the array.
func (p packages) constants(c compiler) (map[string]uint64, error) {
	dir := filepath.Join(p.dir, "shim", c.arch)
	if err := p.shim(c, dir); err != nil {
		return nil, err
	}
	flags := append(slices.Clone(c.flags), "-nostdinc", "-D__user=", "-D__force=", "-D__bitwise=", "-D__attribute_const__=", "-D__counted_by(x)=",
		"-fmax-errors=0",
		"-isystem", dir, "-isystem", p.path(commonPackage, "arch/"+c.dir+"/include/uapi"), "-isystem", p.path(commonPackage, "include/uapi"))
	all := filepath.Join(p.dir, "all.h")
	var include strings.Builder
	include.WriteString(prelude)
	for _, h := range headers {
		fmt.Fprintf(&include, "#if __has_include(<%s>)\n#include <%s>\n#endif\n", h, h)
	}
	if err := os.WriteFile(all, []byte(include.String()), 0o600); err != nil {
		return nil, err
	}
	macros, err := p.run("gcc", append(slices.Clone(flags), "-E", "-dM", all)...)
	if err != nil {
		return nil, err
	}
	text, err := p.run("gcc", append(slices.Clone(flags), "-E", "-P", all)...)
	if err != nil {
		return nil, err
	}
	set := map[string]bool{}
	for _, m := range objectMacro.FindAllStringSubmatch(string(macros), -1) {
		set[m[1]] = true
	}
	for _, m := range enumBody.FindAllStringSubmatch(string(text), -1) {
		for part := range strings.SplitSeq(m[1], ",") {
			if e := enumerator.FindStringSubmatch(part); e != nil {
				set[e[1]] = true
			}
		}
	}
	maps.DeleteFunc(set, func(name string, _ bool) bool { return dropped.MatchString(name) })
	names, err := p.onlyIntegers(flags, all, slices.Sorted(maps.Keys(set)))
	if err != nil {
		return nil, err
	}
	return p.evaluate(flags, all, names)
}

// shim makes the headers that are only there once a kernel's headers were installed: the asm ones that an architecture takes from
// asm-generic, and empty ones of the kernel and the C library.
func (p packages) shim(c compiler, dir string) error {
	for _, sub := range []string{"asm", "linux", "sys"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return err
		}
	}
	own := p.path(commonPackage, "arch/"+c.dir+"/include/uapi/asm")
	generic := p.path(commonPackage, "include/uapi/asm-generic")
	entries, err := os.ReadDir(generic)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(own, e.Name())); err == nil {
			continue
		}
		text := fmt.Sprintf("#include <asm-generic/%s>\n", e.Name())
		if err := os.WriteFile(filepath.Join(dir, "asm", e.Name()), []byte(text), 0o600); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{
		"linux/compiler.h": "", "linux/compiler_types.h": "", "linux/version.h": "", "sys/types.h": "", "sys/ioctl.h": "", "sys/time.h": "",
		"sys/socket.h": "",
		"limits.h":     "#define INT_MAX __INT_MAX__\n#define INT_MIN (-INT_MAX - 1)\n",
		"stdint.h":     "", "stddef.h": "", "time.h": "", "string.h": "", "unistd.h": "", "asm/unistd.h": "",
		"linux/libc-compat.h": "#include_next <linux/libc-compat.h>\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), fs.FileMode(0o600)); err != nil {
			return err
		}
	}
	return nil
}

func (p packages) compile(flags []string, all, body string, extra ...string) (string, error) {
	file := filepath.Join(p.dir, "values.c")
	if err := os.WriteFile(file, []byte("#include \""+all+"\"\n"+body), 0o600); err != nil {
		return "", err
	}
	_, err := p.run("gcc", append(append(slices.Clone(flags), extra...), "values.c")...)
	if err != nil {
		return err.Error(), err
	}
	return "", nil
}

// onlyIntegers drops the names that are no integer constant expression.
func (p packages) onlyIntegers(flags []string, all string, names []string) ([]string, error) {
	message := ""
	for range 9 {
		var body strings.Builder
		for i, name := range names {
			fmt.Fprintf(&body, "enum { value_%d = (%s) };\n", i, name)
		}
		var err error
		if message, err = p.compile(flags, all, body.String(), "-fsyntax-only", "-w"); err == nil {
			return names, nil
		}
		bad := map[string]bool{}
		for _, m := range errorLine.FindAllStringSubmatch(message, -1) {
			if n, _ := strconv.Atoi(m[1]); n >= 2 && n-2 < len(names) {
				bad[names[n-2]] = true
			}
		}
		if len(bad) == 0 {
			return nil, err
		}
		names = slices.DeleteFunc(names, func(name string) bool { return bad[name] })
	}
	return nil, fmt.Errorf("gcc finds errors after every repair: %s", message)
}

func (p packages) evaluate(flags []string, all string, names []string) (map[string]uint64, error) {
	var body strings.Builder
	body.WriteString("__attribute__((section(\"values\"))) const unsigned long long array[] = {\n")
	for _, name := range names {
		fmt.Fprintf(&body, "(unsigned long long)(%s),\n", name)
	}
	body.WriteString("};\n")
	if _, err := p.compile(flags, all, body.String(), "-w", "-c", "-o", "values.o"); err != nil {
		return nil, err
	}
	object, err := elf.Open(filepath.Join(p.dir, "values.o"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = object.Close() }()
	section := object.Section("values")
	if section == nil {
		return nil, fmt.Errorf("gcc wrote no section")
	}
	data, err := section.Data()
	if err != nil || len(data) != 8*len(names) {
		return nil, cmp.Or(err, fmt.Errorf("%d bytes for %d values", len(data), len(names)))
	}
	out := map[string]uint64{}
	for i, name := range names {
		out[name] = object.ByteOrder.Uint64(data[8*i:])
	}
	return out, nil
}
