package vet

import "strings"

// rule says which functions of a package make system calls.
type rule struct {
	lists   bool // names are those that do; otherwise those that do not, and all others do
	names   map[string]bool
	instead string
}

// listed tells whether names has name, "Type.Method" also through "Type.*".
func (r rule) listed(name string) bool {
	typ, _, isMethod := strings.Cut(name, ".")
	return r.names[name] || isMethod && r.names[typ+".*"]
}

func set(names string) map[string]bool {
	m := map[string]bool{}
	for name := range strings.FieldsSeq(names) {
		m[name] = true
	}
	return m
}

// allBut is for a package that exists to make calls: what is new in it makes some, too.
func allBut(instead, names string) rule { return rule{names: set(names), instead: instead} }

// only is for a package that mostly computes.
func only(instead, names string) rule { return rule{lists: true, names: set(names), instead: instead} }

// harmless are methods that say what a value is, whatever its type.
var harmless = map[string]bool{
	"As": true, "Error": true, "GoString": true, "Is": true, "Network": true, "String": true, "Temporary": true, "Timeout": true, "Unwrap": true,
}

// modules make calls wherever they are entered.
var modules = map[string]bool{
	"github.com/containerd/cgroups":             true,
	"github.com/seccomp/libseccomp-golang":      true,
	"github.com/opencontainers/cgroups":         true,
	"github.com/opencontainers/runc":            true,
	"github.com/vishvananda/netlink":            true,
	"github.com/vishvananda/netns":              true,
	"github.com/cilium/ebpf/link":               true,
	"github.com/coreos/go-systemd/v22/dbus":     true,
	"github.com/landlock-lsm/go-landlock":       true,
	"github.com/elastic/go-seccomp-bpf":         true,
	"github.com/moby/sys/mount":                 true,
	"github.com/moby/sys/mountinfo":             true,
	"github.com/moby/sys/capability":            true,
	"golang.org/x/term":                         true,
	"golang.org/x/sys/execabs":                  true,
	"kernel.org/pub/linux/libs/security/libcap": true,
}

// variables make calls wherever they are passed.
var variables = set(`os.Stdin os.Stdout os.Stderr net.DefaultResolver net/http.DefaultClient net/http.DefaultTransport crypto/rand.Reader
	syscall.Stdin syscall.Stdout syscall.Stderr`)

const (
	useFiles   = "make the calls through posix.Files"
	useSockets = "make the calls through posix.Sockets"
	useProcess = "make the calls through posix.Processes"
	useWriter  = "write to an io.Writer that main chose"
	noMethod   = "posix.Core has no such method: add one"
	useReader  = "read the file through posix.Files and parse its bytes"
	useHTTP    = "leave the connections to posix.Sockets"
)

// table is the standard library, and golang.org/x/sys/unix. Constants and types need no row: they are never findings.
//
// Not counted: os.Exit and the like, because what follows them is nothing; the environment and the arguments, which the kernel put into memory
// at the start; time and the scheduler, which belong to the runtime.
var table = map[string]rule{
	"syscall":               allBut(noMethod, pureSyscall),
	"golang.org/x/sys/unix": allBut(noMethod, pureSyscall+pureUnix),
	"os": allBut(useFiles, `Clearenv Environ Exit Expand ExpandEnv Getenv Getpagesize IsExist IsNotExist IsPathSeparator IsPermission IsTimeout
		LookupEnv NewSyscallError SameFile Setenv TempDir Unsetenv UserCacheDir UserConfigDir UserHomeDir
		File.Name FileMode.* LinkError.* PathError.* ProcessState.* SyscallError.*`),
	"net": allBut(useSockets, `CIDRMask IPv4 IPv4Mask JoinHostPort ParseCIDR ParseIP ParseMAC Pipe SplitHostPort TCPAddrFromAddrPort
		UDPAddrFromAddrPort AddrError.* Buffers.Read DNSConfigError.* DNSError.* Dialer.MultipathTCP Dialer.SetMultipathTCP Flags.*
		HardwareAddr.* IP.* IPAddr.* IPMask.* IPNet.* InvalidAddrError.* ListenConfig.MultipathTCP ListenConfig.SetMultipathTCP OpError.*
		ParseError.* TCPAddr.* UDPAddr.* UnixAddr.* UnknownNetworkError.* IPConn.LocalAddr IPConn.RemoteAddr TCPConn.LocalAddr
		TCPConn.RemoteAddr TCPListener.Addr UDPConn.LocalAddr UDPConn.RemoteAddr UnixConn.LocalAddr UnixConn.RemoteAddr UnixListener.Addr
		UnixListener.SetUnlinkOnClose`),
	"os/exec":           allBut(useProcess, `Error.* ExitError.*`),
	"os/user":           allBut(useReader, ``),
	"os/signal":         allBut(noMethod, ``),
	"plugin":            allBut("link what is needed", ``),
	"log/syslog":        allBut(useSockets, ``),
	"io/ioutil":         allBut(useFiles, `NopCloser ReadAll`),
	"crypto/rand":       allBut("use posix.Hardening.Getrandom", ``),
	"net/http/httptest": only(useHTTP, `NewServer NewTLSServer NewUnstartedServer Server.*`),
	"net/http": only(useHTTP, `Get Head ListenAndServe ListenAndServeTLS Post PostForm ProxyFromEnvironment Serve ServeFile
		ServeTLS Client.Do Client.Get Client.Head Client.Post Client.PostForm Dir.Open Request.FormFile
		Request.FormValue Request.ParseMultipartForm Request.PostFormValue
		ResponseController.EnableFullDuplex ResponseController.Flush ResponseController.SetReadDeadline
		ResponseController.SetWriteDeadline Server.Close Server.ListenAndServe Server.ListenAndServeTLS
		Server.Serve Server.ServeTLS Server.Shutdown Transport.CloseIdleConnections
		Transport.NewClientConn Transport.RoundTrip`),
	"net/http/cgi":      only(useHTTP, `Handler.ServeHTTP Request Serve`),
	"net/http/fcgi":     only(useHTTP, `Serve`),
	"net/http/httputil": only(useHTTP, `DumpRequestOut`),
	"net/http/pprof":    only(useHTTP, `Index Profile Trace`),
	"net/rpc/jsonrpc":   only(useSockets, `Dial`),
	"mime/multipart":    only(useFiles, `FileHeader.Open Form.RemoveAll Reader.ReadForm`),
	"go/importer":       only(useReader, `Default For ForCompiler`),
	"net/rpc":           only(useSockets, `Dial DialHTTP DialHTTPPath`),
	"net/smtp":          only(useSockets, `Dial SendMail`),
	"net/textproto":     only(useSockets, `Dial`),
	"crypto/tls":        only(useSockets, `Dial DialWithDialer Dialer.Dial Dialer.DialContext Listen LoadX509KeyPair`),
	"crypto/x509":       only(useReader, `SystemCertPool Certificate.Verify`),
	"path/filepath":     only(useFiles, `Abs EvalSymlinks Glob Walk WalkDir`),
	"time":              only(useReader, `LoadLocation`),
	"mime":              only(useReader, `ExtensionsByType TypeByExtension`),
	"fmt":               only(useWriter, `Print Printf Println Scan Scanf Scanln`),
	"log":               only(useWriter, `Default Fatal Fatalf Fatalln Output Panic Panicf Panicln Print Printf Println Writer`),
	"log/slog":          only(useWriter, `Debug DebugContext Default Error ErrorContext Info InfoContext Log LogAttrs Warn WarnContext With`),
	"text/template":     only(useReader, `ParseFiles ParseGlob Template.ParseFiles Template.ParseGlob`),
	"html/template":     only(useReader, `ParseFiles ParseGlob Template.ParseFiles Template.ParseGlob`),
	"archive/zip":       only(useReader, `OpenReader`),
	"archive/tar":       only(useFiles, `FileInfoHeader`),
	"debug/elf":         only(useReader, `Open`),
	"debug/macho":       only(useReader, `Open OpenFat`),
	"debug/pe":          only(useReader, `Open`),
	"debug/plan9obj":    only(useReader, `Open`),
	"debug/buildinfo":   only(useReader, `ReadFile`),
	"go/parser":         only(useReader, `ParseDir ParseFile`),
	"go/build":          only(useReader, `Import ImportDir Context.Import Context.ImportDir Context.MatchFile Context.SrcDirs`),
	"runtime":           only(noMethod, `Breakpoint`),
	"runtime/debug":     only("use posix.Memory.Madvise", `FreeOSMemory PrintStack SetCrashOutput WriteHeapDump`),
	"runtime/pprof":     only(noMethod, `StartCPUProfile StopCPUProfile WriteHeapProfile Profile.WriteTo`),
	"runtime/coverage":  only(useFiles, `WriteCountersDir WriteMetaDir`),
}

// pureSyscall are the functions of syscall that make no call; golang.org/x/sys/unix has most of them, too.
const pureSyscall = `BytePtrFromString ByteSliceFromString Clearenv CmsgLen CmsgSpace Environ Exit Getenv Getpagesize LsfJump LsfStmt
	NsecToTimespec NsecToTimeval ParseDirent ParseNetlinkMessage ParseNetlinkRouteAttr ParseSocketControlMessage ParseUnixCredentials
	ParseUnixRights Setenv SlicePtrFromStrings StringBytePtr StringByteSlice TimespecToNsec TimevalToNsec
	UnixCredentials UnixRights Unsetenv Cmsghdr.* Errno.* Iovec.* Msghdr.* PtraceRegs.* Signal.* Timespec.* Timeval.* WaitStatus.* `

// pureUnix are those that golang.org/x/sys/unix has in addition.
const pureUnix = `BytePtrToString ByteSliceToString ErrnoName Major Minor Mkdev NewIfreq ParseOneSocketControlMessage ParseOrigDstAddr PktInfo4
	PktInfo6 SignalName SignalNum TimeToTimespec CPUSet.* FdSet.* FileDedupeRange.* Ifreq.* PtpClockTime.*
	`

// instead has words for single functions.
var instead = map[string]string{
	"os.Open":                           "posix.Files (Openat2, Close)",
	"os.OpenFile":                       "posix.Files (Openat2, Close)",
	"os.Create":                         "posix.Files (Openat2, Close)",
	"os.ReadFile":                       "posix.Files (Openat2, Read, Close)",
	"os.WriteFile":                      "posix.Files (Openat2, Write, Close)",
	"os.ReadDir":                        "posix.Files (Openat2, Getdents, Close)",
	"os.Readlink":                       "posix.Files.Readlinkat",
	"os.Executable":                     "posix.Files.Readlinkat of /proc/self/exe",
	"os.Stat":                           "posix.Files.Fstatat",
	"os.Lstat":                          "posix.Files.Fstatat with AT_SYMLINK_NOFOLLOW",
	"os.Mkdir":                          "posix.Files.Mkdirat",
	"os.MkdirAll":                       "posix.Files.Mkdirat",
	"os.Remove":                         "posix.Files.Unlinkat",
	"os.RemoveAll":                      "posix.Files (Getdents, Unlinkat)",
	"os.Rename":                         "posix.Files.Renameat2",
	"os.Symlink":                        "posix.Files.Symlinkat",
	"os.Chmod":                          "posix.Files.Fchmodat",
	"os.Chown":                          "posix.Files.Fchownat",
	"os.Truncate":                       "posix.Files.Ftruncate",
	"os.Pipe":                           "posix.Files.Pipe2",
	"os.NewFile":                        "the posix.FD as it is",
	"os.Stdin":                          "an io.Reader that main chose",
	"os.Stdout":                         "an io.Writer that main chose",
	"os.Stderr":                         "an io.Writer that main chose",
	"os.Getpid":                         "posix.Processes.Getpid",
	"os.Getppid":                        "posix.Processes.Getppid",
	"os.Getuid":                         "posix.Credentials.Getuid",
	"os.Geteuid":                        "posix.Credentials.Geteuid",
	"os.Getgid":                         "posix.Credentials.Getgid",
	"os.Getegid":                        "posix.Credentials.Getegid",
	"os.Getgroups":                      "posix.Credentials.Getgroups",
	"os.Hostname":                       "posix.Limits.Uname",
	"os.StartProcess":                   "posix.Processes.Clone3",
	"os.FindProcess":                    "posix.Processes.PidfdOpen",
	"os.Process.Kill":                   "posix.Processes.PidfdSendSignal",
	"os.Process.Signal":                 "posix.Processes.PidfdSendSignal",
	"os.Process.Wait":                   "posix.Processes.Waitid",
	"net.FileConn":                      "the posix.FD as it is",
	"net.FileListener":                  "the posix.FD as it is",
	"syscall.Open":                      "posix.Files.Openat2",
	"syscall.Stat":                      "posix.Files.Fstatat",
	"syscall.Lstat":                     "posix.Files.Fstatat with AT_SYMLINK_NOFOLLOW",
	"syscall.Exec":                      "posix.Processes.Execve",
	"syscall.ForkExec":                  "posix.Processes.Clone3",
	"syscall.Getrlimit":                 "posix.Limits.Prlimit",
	"syscall.Setrlimit":                 "posix.Limits.Prlimit",
	"syscall.SetNonblock":               "posix.Files.Fcntl",
	"golang.org/x/sys/unix.Open":        "posix.Files.Openat2",
	"golang.org/x/sys/unix.Openat":      "posix.Files.Openat2",
	"golang.org/x/sys/unix.Stat":        "posix.Files.Fstatat",
	"golang.org/x/sys/unix.Lstat":       "posix.Files.Fstatat with AT_SYMLINK_NOFOLLOW",
	"golang.org/x/sys/unix.Exec":        "posix.Processes.Execve",
	"golang.org/x/sys/unix.FcntlInt":    "posix.Files.Fcntl",
	"golang.org/x/sys/unix.Getrlimit":   "posix.Limits.Prlimit",
	"golang.org/x/sys/unix.Setrlimit":   "posix.Limits.Prlimit",
	"golang.org/x/sys/unix.SetNonblock": "posix.Files.Fcntl",
	"golang.org/x/sys/unix.Poll":        "posix.Polling.Ppoll",
	"golang.org/x/sys/unix.Wait4":       "posix.Processes.Waitid",
}
