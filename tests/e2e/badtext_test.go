package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"
)

// badText is what a parser can be fed, and what the workbench says about it.
type badText struct {
	name   string
	text   string
	status int
	says   []string // each of them, on the standard output or error
	args   []string // the command; FILE stands for the file; default policy check FILE
	slow   bool     // takes a second: not for every command
}

// feed runs a command on a text and holds it to what holds for all: an answer in time, within the memory of a confined process, in a few lines that a
// terminal can show, and never a trace of our own insides.
func (c badText) feed(t *testing.T, fine string) {
	t.Helper()
	file := writeFile(t, filepath.Join(t.TempDir(), "text.yaml"), c.text, 0o644)
	args := c.args
	if args == nil {
		args = []string{"policy", "check", "FILE"}
	}
	args = append([]string(nil), args...)
	for i := range args {
		args[i] = strings.NewReplacer("FILE", file, "FINE", fine).Replace(args[i])
	}
	var out, errs bytes.Buffer
	cmd := exec.Command(place.supervisor, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// Generous: what hangs would take the minute that the confined process has.
	timer := time.AfterFunc(50*time.Second, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait()
	if !timer.Stop() {
		t.Fatal("it does not end")
	}
	said := out.String() + errs.String()
	if status := cmd.ProcessState.ExitCode(); status != c.status {
		t.Errorf("%s: status %d, want %d\n%s", strings.Join(args, " "), status, c.status, excerpt(said))
	}
	for _, says := range c.says {
		if says = strings.ReplaceAll(says, "FILE", file); !strings.Contains(said, says) {
			t.Errorf("%s does not say %q:\n%s", strings.Join(args, " "), says, excerpt(said))
		}
	}
	for _, inside := range []string{"panic", "goroutine", ".go:", "runtime error", "bug of ours", "no answer after", "ended without an answer", "0xc0000"} {
		if strings.Contains(said, inside) {
			t.Errorf("%s says %q:\n%s", strings.Join(args, " "), inside, excerpt(said))
		}
	}
	if len(errs.String()) > 100<<10 {
		t.Errorf("%d bytes of messages", errs.Len())
	}
	if at := strings.IndexFunc(said, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r == 0x202e }); at >= 0 {
		t.Errorf("a terminal would obey %q", said[max(0, at-20):min(len(said), at+20)])
	}
	const most = 1 << 20 // kilobytes; its children are counted, too
	if use := cmd.ProcessState.SysUsage(); use.(*syscall.Rusage).Maxrss > most {
		t.Errorf("%d kB of memory", use.(*syscall.Rusage).Maxrss)
	}
}

// fineText is a policy without anything wrong.
const fineText = `version: 1
modules:
  m:
    command: [/bin/true]
    user: nobody
    seccomp:
      allow: [read, write]
    filesystem: [{path: /usr, access: rx}]
`

func without(old, replacement string) string {
	text := strings.Replace(fineText, old, replacement, 1)
	if text == fineText {
		panic("nothing was changed: " + old)
	}
	return text
}

// badPolicies are for every command that reads policies.
func badPolicies() []badText {
	wide := func(text string, order binary.AppendByteOrder, mark bool) string {
		var b []byte
		if mark {
			b = order.AppendUint16(b, 0xfeff)
		}
		for _, u := range utf16.Encode([]rune(text)) {
			b = order.AppendUint16(b, u)
		}
		return string(b)
	}
	when := func(condition string) string {
		return without("[read, write]", `[{call: socket, when: "`+condition+`"}]`)
	}
	var laughs, keys, pairs strings.Builder
	laughs.WriteString("version: 1\n")
	for i := range 12 {
		item := fmt.Sprintf("*a%d", i-1)
		if i == 0 {
			item = "lol"
		}
		fmt.Fprintf(&laughs, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(item+", ", 10), ", "))
	}
	for i := range 100_000 {
		fmt.Fprintf(&keys, "k%d: 1\n", i)
	}
	for i := range 31 {
		fmt.Fprintf(&pairs, " || (type has %#x && protocol has %#x)", 1<<i, 1<<((i*7+3)%31))
	}
	junk := make([]byte, 200<<10)
	rand.New(rand.NewSource(1)).Read(junk)
	junk = bytes.ReplaceAll(junk, []byte{0}, []byte{1}) // with a zero byte it would pass for a filter
	return []badText{
		{name: "anchors that multiply", text: laughs.String(), status: 2, says: []string{"E108", "FILE:2:5", "put what is shared into a profile"}},
		{name: "a merge key", text: without("    user: nobody", "    <<: {user: nobody}"), status: 2, says: []string{"E108", "FILE:5:5"}},
		{name: "a tag that makes an object", text: without("nobody", `!!python/object/apply:os.system ["id"]`), status: 2,
			says: []string{"E109", "FILE:5:11"}},
		{name: "a key twice", text: without("    user: nobody\n", "    user: nobody\n    user: root\n"), status: 2,
			says: []string{"E112", "FILE:6:5", "line 5"}},
		{name: "a tab", text: without("    user", "\tuser"), status: 2, says: []string{"E104", "FILE:5:1", "indent with spaces"}},
		{name: "an octal mode", text: "listeners: {a: {address: \"unix:/run/a\", mode: 0660}}\n" + fineText, status: 2,
			says: []string{"E510", "FILE:1:47", `did you mean "0660"?`}},
		{name: "a string of 10 MB", text: without("/bin/true", "/bin/"+strings.Repeat("x", 10<<20)), status: 2,
			says: []string{"a policy has at most 1048576", "split it"}},
		{name: "a string of almost 1 MB", text: without("/bin/true", "/bin/"+strings.Repeat("x", 1_000_000)), status: 2,
			says: []string{"E106", "FILE:4:4097", "several lines"}},
		{name: "a byte order mark", text: "\ufeff" + fineText},
		{name: "a byte order mark and a mistake", text: "\ufeff" + without("user:", "usr:"), status: 2,
			says: []string{"FILE:5:5", `did you mean "user"?`}},
		{name: "a byte order mark in the middle", text: without("user:", "\ufeffuser:"), status: 2, says: []string{"E103", "FILE:5:5", "U+FEFF"}},
		{name: "CRLF", text: strings.ReplaceAll(fineText, "\n", "\r\n")},
		{name: "CRLF and a mistake", text: strings.ReplaceAll(without("user:", "usr:"), "\n", "\r\n"), status: 2,
			says: []string{"FILE:5:5", "    5 |     usr: nobody\n"}},
		{name: "CR alone", text: strings.ReplaceAll(fineText, "\n", "\r"), status: 2,
			says: []string{"E103", "FILE:1:11", "lines end with a line feed"}},
		{name: "sizes out of range", text: fineText + "    resources: {memory.max: 99999999999999999999T, pids.max: -1}\n", status: 2,
			says: []string{"E501", "FILE:9:29", "more than can be counted", "FILE:9:62", "it must be from 1 to"}},
		{name: "a time out of range", text: fineText + "    stop_grace_period: 999999999999999999h\n", status: 2,
			says: []string{"E501", "FILE:9:24", "the longest is 24h"}},
		{name: "an expression nested a thousand deep", text: when(strings.Repeat("(", 1000) + "family == 1" + strings.Repeat(")", 1000)), status: 2,
			says: []string{"E105", "FILE:7:", "nested deeper than 64"}},
		{name: "a thousand negations", text: when(strings.Repeat("!", 1000) + "(family == 1)"), status: 2, says: []string{"E105"}},
		{name: "an expression of 100 kB", text: when("family == 1" + strings.Repeat(" || family == 2", 7000)), status: 2, says: []string{"E106"}},
		{name: "conditions that cannot be decided", text: when(pairs.String()[len(" || "):]), status: 2, slow: true,
			says: []string{"E622", "FILE:7:22", "name fewer pairs"}},
		{name: "more than 4,096 instructions", text: scattered(), status: 2, slow: true,
			says: []string{"E621", "FILE:", "the 4096 instructions that the kernel takes", "name fewer values"}},
		{name: "a zero byte", text: without("nobody", "no\x00body"), status: 2, says: []string{"E103", "FILE:5:13", "U+0000"}},
		{name: "a zero byte that is written", text: without("nobody", `"no\0body"`), status: 2, says: []string{"E509", "FILE:5:11"}},
		{name: "no UTF-8", text: without("nobody", "no\xffbody"), status: 2, says: []string{"E103", "FILE:5:13", "0xff"}},
		{name: "UTF-16", text: wide(fineText, binary.LittleEndian, true), status: 2,
			says: []string{"E103", "FILE:1:1", "UTF-16", "save it as UTF-8"}},
		{name: "UTF-16 without a mark", text: wide(fineText, binary.BigEndian, false), status: 2, says: []string{"E103", "FILE:1:1", "UTF-16"}},
		{name: "characters that turn the direction", text: without("nobody", "no\u202ebody"), status: 2,
			says: []string{"E103", "FILE:5:13", "U+202E"}},
		{name: "a key that moves the cursor", text: without("user: nobody", `"\x1b[2Jusr": nobody`), status: 2, says: []string{"E111", "FILE:5:5"}},
		{name: "100,000 keys", text: "version: 1\n" + keys.String(), status: 2, says: []string{"E106", "FILE:", "more than 40000 words and signs"}},
		{name: "several documents", text: fineText + "---\n" + fineText, status: 2, says: []string{"E110", "FILE:9:1"}},
		{name: "a directive", text: "%YAML 1.3\n---\n" + fineText, status: 2, says: []string{"E110", "FILE:1:1"}},
		{name: "nested a thousand deep", text: "version: 1\nmodules: " + strings.Repeat("[", 1000) + "\n", status: 2,
			says: []string{"E105", "FILE:2:"}},
		{name: "lists in lists without a sign", text: "version: 1\n" + strings.Repeat("- ", 2000) + "\n", status: 2,
			says: []string{"E105", "FILE:2:"}},
		{name: "an open quote", text: without("nobody", `"nobody`), status: 2, says: []string{"E107", "FILE:5:11", "has no end"}},
		{name: "junk", text: string(junk), status: 2, says: []string{"E103", "FILE:1:"}},
		{name: "nothing", text: "", status: 2, says: []string{"E101", "FILE:1:1", "a policy starts with version: 1"}},
		{name: "of a newer version", text: without("version: 1", "version: 2"), status: 2,
			says: []string{"E508", "FILE:1:10", "this supervisor reads version: 1"}},
	}
}

// scattered is a policy whose conditions take more instructions than the kernel does.
func scattered() string {
	r := rand.New(rand.NewSource(1))
	var b strings.Builder
	for _, call := range strings.Fields("close lseek fsync flock ftruncate fallocate fchmod fchown listen shutdown bind connect fstat " +
		"read write readv writev pread64 pwrite64 accept") {
		for range 4 {
			fmt.Fprintf(&b, "        - {call: %s, when: \"fd in [%d", call, r.Intn(1<<31-1))
			for range 75 {
				fmt.Fprintf(&b, ", %d", r.Intn(1<<31-1))
			}
			b.WriteString("]\"}\n")
		}
	}
	return without(" [read, write]\n", "\n"+b.String())
}

// TestBadText: whatever is in a policy, the answer is an error with its place, soon, and small.
func TestBadText(t *testing.T) {
	t.Parallel()
	fine := writeFile(t, filepath.Join(t.TempDir(), "fine.yaml"), fineText, 0o644)
	for _, c := range badPolicies() {
		t.Run(c.name, func(t *testing.T) { c.feed(t, fine) })
	}
	// Every other command reads policies in the same way; what it would not refuse it need not say.
	for _, args := range [][]string{
		{"policy", "prove", "FILE"}, {"policy", "compile", "FILE"}, {"policy", "test", "FILE"}, {"policy", "show", "--effective", "FILE"},
		{"policy", "explain", "FILE", "read"}, {"policy", "audit", "FILE"}, {"policy", "diff", "FINE", "FILE"}, {"policy", "export", "oci", "FILE"},
		{"policy", "simulate", "--policy", "FILE", "FINE"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			for _, c := range badPolicies() {
				if c.args = args; c.status != 0 && (!c.slow || args[1] == "prove") {
					c.feed(t, fine)
				}
			}
		})
	}
}

// TestBadInputs: the same for what is no policy: filters, profiles of containers, traces.
func TestBadInputs(t *testing.T) {
	t.Parallel()
	filter := func(list ...[4]uint32) string {
		var b []byte
		for _, i := range list {
			b = append(binary.NativeEndian.AppendUint16(b, uint16(i[0])), byte(i[1]), byte(i[2]))
			b = binary.NativeEndian.AppendUint32(b, i[3])
		}
		return string(b)
	}
	ret, load := [4]uint32{0x06, 0, 0, 0x7fff0000}, [4]uint32{0x20, 0, 0, 0}
	many := make([][4]uint32, 4096)
	for i := range many {
		many[i] = load
	}
	long := append(many, ret) // one more than the kernel takes
	profile := `{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64"],"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}`
	names := `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"` + strings.Repeat(`,"read"`, 200_000) + `],"action":"SCMP_ACT_ALLOW"}]}`
	var rules strings.Builder
	for i := range 6000 {
		fmt.Fprintf(&rules, `,{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":%d,"op":"SCMP_CMP_EQ"}]}`, i)
	}
	junk := make([]byte, 200<<10)
	rand.New(rand.NewSource(2)).Read(junk)
	disasm, equal, oci := []string{"policy", "disasm", "FILE"}, []string{"policy", "prove", "--equal", "FILE", "FINE"}, []string{"policy", "import", "oci", "FILE"}
	simulate := []string{"policy", "simulate", "--policy", "FINE", "FILE"}
	for _, c := range []badText{
		{name: "a filter with a part of an instruction", text: filter(ret) + "\x01\x02\x03", args: disasm, status: 2,
			says: []string{"11 bytes", "8 bytes"}},
		{name: "no filter at all", text: "", args: disasm, status: 2, says: []string{"0 instructions", "1 to 4096"}},
		{name: "a filter that is too long", text: filter(long...), args: disasm, status: 2,
			says: []string{"4097 instructions; a filter has 1 to 4096"}},
		{name: "a filter that is too long, compared", text: filter(long...), args: equal, status: 2,
			says: []string{"4097 instructions; a filter has 1 to 4096"}},
		{name: "a jump out of the filter", text: filter([4]uint32{0x15, 200, 3, 1}, ret), args: disasm, status: 2,
			says: []string{"instruction 0", "a jump leaves the program"}},
		{name: "a filter without an end", text: filter(load), args: disasm, status: 2, says: []string{"does not return"}},
		{name: "an instruction that there is not", text: filter([4]uint32{0xffff, 0, 0, 0}, ret), args: disasm, status: 2,
			says: []string{"instruction 0", "0xffff"}},
		{name: "a load outside of the data", text: filter([4]uint32{0x20, 0, 0, 64}, ret), args: disasm, status: 2,
			says: []string{"instruction 0", "ld [64]"}},
		{name: "a division by zero", text: filter([4]uint32{0x34, 0, 0, 0}, ret), args: equal, status: 2, says: []string{"division by zero"}},
		{name: "a text as a filter", text: strings.Repeat("text ", 16), args: disasm, status: 2,
			says: []string{"instruction 0", "seccomp does not have this instruction"}},
		{name: "zeros as a filter", text: strings.Repeat("\x00", 80), args: disasm, status: 2, says: []string{"FILE: ", "does not return"}},
		{name: "junk as a filter", text: string(junk[:8*100]), args: disasm, status: 2, says: []string{"FILE: ", "instruction 0"}},

		{name: "half of a profile", text: profile[:60], args: oci, status: 2, says: []string{"FILE:1:61", "ends in the middle"}},
		{name: "a profile in a byte order mark", text: "\ufeff" + profile, args: oci, status: 2, says: []string{"FILE:1:1", "byte order mark"}},
		{name: "a profile nested 100,000 deep", text: strings.Repeat("[", 100_000), args: oci, status: 2,
			says: []string{"FILE:1:33", "nested deeper than 32"}},
		{name: "a profile with a string of 5 MB", text: `{"defaultAction":"` + strings.Repeat("x", 5_000_000) + `"}`, args: oci, status: 2,
			says: []string{"more than 4194304 bytes"}},
		{name: "a key of a profile twice", text: `{"defaultAction":"SCMP_ACT_ALLOW","defaultAction":"SCMP_ACT_ERRNO"}`, args: oci, status: 2,
			says: []string{"FILE:1:35", "twice"}},
		{name: "a profile of a newer version", text: strings.Replace(profile, `"syscalls"`, `"when":[],"syscalls"`, 1), args: oci, status: 2,
			says: []string{"FILE:1:72", `unknown key "when"`}},
		{name: "an argument that no call has", text: strings.Replace(profile, `}]}`, `,"args":[{"index":9,"value":1,"op":"SCMP_CMP_EQ"}]}]}`, 1), args: oci, status: 2,
			says: []string{"FILE:1:", "index is a whole number from 0 to 5"}},
		{name: "a name 200,000 times", text: names, args: oci, status: 2, says: []string{"FILE:1:", "more than 20000 rules"}},
		{name: "6,000 rules for a call", text: `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + rules.String()[1:] + `]}`, args: oci, status: 2,
			says: []string{"FILE:1:", "more than 1024 rules for read"}},
		{name: "a profile that is a number", text: "7", args: oci, status: 2, says: []string{"FILE:1:1", "a profile is an object"}},
		{name: "junk as a profile", text: "{" + string(junk), args: oci, status: 2, says: []string{"FILE:", "not UTF-8"}},
		{name: "a policy as a profile", text: fineText, args: oci, status: 2, says: []string{"FILE:1:1"}},

		{name: "a trace that ends in a call", text: "read(3, \"abc", args: simulate, status: 1,
			says: []string{"FILE:1:", "the trace ends within the call"}},
		{name: "a trace without a call", text: "this is no trace\n", args: simulate, status: 1, says: []string{"FILE:1:6", "1 line not understood"}},
		{name: "a trace nested 100,000 deep", text: "openat(AT_FDCWD, " + strings.Repeat("{", 100_000) + ", O_RDONLY) = 3\n", args: simulate, status: 1,
			says: []string{"FILE:1:"}},
		{name: "a trace with a line of 3 MB", text: "read(3, \"" + strings.Repeat("x", 3<<20) + "\", 1) = 1\n", args: simulate, status: 1,
			says: []string{"FILE:1:1", "longer than 1 MiB"}},
		{name: "a trace with zero bytes", text: "read(3, \"x\x00\", 1) = 1\n\x00\x00\n", args: simulate, status: 1, says: []string{"FILE:2:1"}},
		{name: "junk as a trace", text: string(junk), args: simulate, status: 1, says: []string{"lines not understood"}},
		{name: "a trace of 20 MB", text: strings.Repeat("read(3, \"x\", 1) = 1\n", 1<<20), args: simulate, status: 2,
			says: []string{"it has more than 8 MiB"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.feed(t, writeFile(t, filepath.Join(t.TempDir(), "fine.yaml"), fineText, 0o644))
		})
	}
}

// TestGrowingFile: a file that somebody goes on writing to is no policy, and no reason to read for ever.
func TestGrowingFile(t *testing.T) {
	t.Parallel()
	path := writeFile(t, filepath.Join(t.TempDir(), "policy.yaml"), fineText, 0o644)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if st, err := f.Stat(); err == nil && st.Size() > 4<<20 {
				_ = f.Truncate(int64(len(fineText)))
			}
			if _, err := f.WriteString("# one line more, and another one, and another one, and another one\n"); err != nil {
				return
			}
		}
	}()
	for range 10 {
		r := supervisor(t, "policy", "check", path).run(t)
		said := r.stdout + r.stderr
		known := strings.Contains(said, "changed while it was read") || strings.Contains(said, "a policy has at most") || strings.Contains(said, "E10")
		if r.status != 0 && (r.status != 2 || !known) {
			t.Errorf("status %d: %s", r.status, excerpt(said))
		}
	}
	close(stop)
	<-stopped
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}
