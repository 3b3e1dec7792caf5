package record_test

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"reflect"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/record"
)

var checksum = regexp.MustCompile(`,"crc":"[^"]*"}$`)

// sealed gives each line the checksum that it should have.
func sealed(recording string) string {
	var b strings.Builder
	sum := uint32(0)
	for line := range strings.Lines(recording) {
		members := checksum.ReplaceAllString(strings.TrimSuffix(line, "\n"), "")
		sum = crc32.Update(sum, crc32.MakeTable(crc32.Castagnoli), []byte(members))
		_, _ = fmt.Fprintf(&b, "%s,\"crc\":\"%08x\"}\n", members, sum)
	}
	return b.String()
}

// short is a program whose recording has five lines.
func short(k posix.Core) {
	_, _ = k.Openat2(posix.AtFDCWD, "/x", posix.OpenHow{Flags: 1})
	_, _ = k.Read(3, make([]byte, 4))
	_ = k.Close(3)
}

// kernel answers the short program.
type kernel struct{ posix.Unimplemented }

func (kernel) Openat2(posix.FD, string, posix.OpenHow) (posix.FD, error) { return 3, nil }
func (kernel) Read(_ posix.FD, p []byte) (int, error)                    { return copy(p, "abc"), nil }

func TestSealed(t *testing.T) {
	recording := recorded(t, kernel{}, short)
	if got := sealed(recording); got != recording {
		t.Fatalf("%s\nwant\n%s", got, recording)
	}
}

func TestRefused(t *testing.T) {
	recording := recorded(t, kernel{}, short)
	lines := strings.SplitAfter(recording, "\n")
	replace := func(old, now string) string {
		if !strings.Contains(recording, old) {
			t.Fatalf("no %q in\n%s", old, recording)
		}
		return strings.Replace(recording, old, now, 1)
	}
	join := func(parts ...string) string { return strings.Join(parts, "") }
	for _, tt := range []struct {
		name, text string
		class      error
		want       string // the beginning of the error
	}{
		{"empty", "", record.ErrTruncated, "recording line 1, column 1: the recording is empty"},
		{"something else", "hello\n", record.ErrFormat, "recording line 1, column 1: the first line of a recording begins with"},
		{"no newline", "hello", record.ErrTruncated, "recording line 1, column 6: the recording ends within the line"},
		{"half a header", recording[:20], record.ErrTruncated, "recording line 1, column 21: the recording ends within the line"},
		{"header is no JSON", replace(`"version":1,`, `"version":1,,`), record.ErrFormat, "recording line 1, column 34: invalid character ','"},
		{"header of another type", sealed(replace(`"version":1`, `"version":"1"`)), record.ErrFormat, "recording line 1, column 34: Version is of the wrong kind: string"},
		{"header with more", sealed(replace(`"version":1`, `"version":1,"more":2`)), record.ErrFormat, `recording line 1, column 1: json: unknown field "more"`},
		{"another version", sealed(replace(`"version":1`, `"version":2`)), record.ErrVersion, "recording line 1, column 22: version 2, this is version 1"},
		{"no version", sealed(`{"recording":"posix"`), record.ErrVersion, "recording line 1, column 1: version 0"},
		{"no operation", sealed(replace(`"op":"read",`, ``)), record.ErrFormat, `recording line 3, column 1: there is no operation ""`},
		{"another platform", sealed(replace(`"linux/`, `"plan9/`)), record.ErrVersion, `recording line 1, column 34: it was recorded on "plan9/`},
		{"other operations", sealed(regexp.MustCompile(`"operations":"[^"]*"`).ReplaceAllString(recording, `"operations":"0"`)), record.ErrVersion,
			"recording line 1, column "},
		{"spaces in the header", sealed(replace(`"version":1`, `"version": 1`)), record.ErrFormat, "recording line 1, column 32: "},
		{"wrong sum of the header", strings.Replace(recording, lines[0], regexp.MustCompile(`"crc":"."`).ReplaceAllString(lines[0], `"crc":"`), 1)[1:],
			record.ErrFormat, "recording line 1, column 1: the first"},

		{"cut after the header", lines[0], record.ErrTruncated, "recording line 2, column 1: the recording has no last line"},
		{"cut after a call", join(lines[:2]...), record.ErrTruncated, `recording line 3, column 1: the recording has no last line, {"end":1 …}`},
		{"cut within a call", join(lines[:2]...)[:len(lines[0])+30], record.ErrTruncated, "recording line 2, column 31: the recording ends within the line"},
		{"cut before the last newline", recording[:len(recording)-1], record.ErrTruncated, "recording line 5, column "},
		{"a line missing", join(lines[0], lines[2], lines[3], lines[4]), record.ErrFormat, "recording line 2, column 1: call 2, where call 1 is expected"},
		{"two lines exchanged", join(lines[0], lines[2], lines[1], lines[3], lines[4]), record.ErrFormat, "recording line 2, column 1: call 2, where call 1 is expected"},
		{"a line twice", join(lines[0], lines[1], lines[1], lines[2], lines[3], lines[4]), record.ErrFormat, "recording line 3, column 1: call 1, where call 2 is expected"},
		{"the last line too early", join(lines[0], lines[1], lines[4]), record.ErrFormat, "recording line 3, column 8: the recording ended with 3 calls, and has 1"},
		{"something after the end", recording + lines[1], record.ErrFormat, "recording line 6, column 1: something follows"},
		{"half a line after the end", recording + "x", record.ErrTruncated, "recording line 6, column 2: the recording ends within the line"},
		{"two recordings", recording + recording, record.ErrFormat, "recording line 6, column 1: something follows"},

		{"an argument changed", replace(`"path":"/x"`, `"path":"/y"`), record.ErrFormat, "recording line 2, column "},
		{"a result changed", replace(`"result":3`, `"result":4`), record.ErrFormat, "recording line 2, column "},
		{"the end changed", replace(`"end":3`, `"end":3 `), record.ErrFormat, `recording line 5, column 9: `},
		{"the end's type", replace(`"end":3`, `"end":"3"`), record.ErrFormat, `recording line 5, column `},

		{"no JSON", sealed(replace(`"op":"read"`, `"op":"read`)), record.ErrFormat, "recording line 3, column "},
		{"a list", sealed(replace(lines[2], "[]\n")), record.ErrFormat, "recording line 3, column 1: the line is of the wrong kind: array"},
		{"an unknown operation", sealed(replace(`"op":"read"`, `"op":"reed"`)), record.ErrFormat, `recording line 3, column 8: there is no operation "reed"`},
		{"an unknown member", sealed(replace(`"op":"read"`, `"op":"read","x":1`)), record.ErrFormat, "recording line 3, column 1: json: unknown field"},
		{"a member twice", sealed(replace(`"op":"read"`, `"op":"close","op":"read"`)), record.ErrFormat, "recording line 3, column 14: "},
		{"no arguments", sealed(replace(`"args":{"fd":3,"p":4},`, ``)), record.ErrFormat, "recording line 3, column "},
		{"no results", sealed(replace(`,"results":{"result":3,"p":"YWJj"}`, ``)), record.ErrFormat, "recording line 3, column 1: read: EOF"},
		{"results of another kind", sealed(replace(`{"result":3,"p":"YWJj"}`, `[3]`)), record.ErrFormat, "recording line 3, column 42: read: there are no results"},
		{"a result missing", sealed(replace(`"result":3,"p"`, `"p"`)), record.ErrFormat, "recording line 3, column 42: read: result: <nil> is no int"},
		{"a result too many", sealed(replace(`"p":"YWJj"`, `"p":"YWJj","q":1`)), record.ErrFormat, "recording line 3, column "},
		{"a result that is no number", sealed(replace(`"result":3,"p"`, `"result":"3","p"`)), record.ErrFormat, "recording line 3, column 42: read: result: 3 is no int"},
		{"a result too large", sealed(replace(`"result":3}`, `"result":3000000000}`)), record.ErrFormat, "recording line 2, column "},
		{"a number with a fraction", sealed(replace(`"result":3}`, `"result":3.0}`)), record.ErrFormat, "recording line 2, column "},
		{"a number with a zero in front", sealed(replace(`"result":3}`, `"result":03}`)), record.ErrFormat, "recording line 2, column "},
		{"bytes that are none", sealed(replace(`"p":"YWJj"`, `"p":"?"`)), record.ErrFormat, "recording line 3, column 42: read: p: ? is no []uint8"},
		{"more bytes than were read", sealed(replace(`"result":3,"p"`, `"result":2,"p"`)), record.ErrFormat, "recording line 3, column "},
		{"an errno below zero", sealed(replace(`"errno":38`, `"errno":-38`)), record.ErrFormat, "recording line 4, column "},
		{"an error that is a list", sealed(replace(`"errno":38`, `"error":[]`)), record.ErrFormat, "recording line 4, column "},
		{"an errno and an error", sealed(replace(`"errno":38`, `"errno":38,"error":"x"`)), record.ErrFormat, "recording line 4, column "},
		{"a letter escaped", sealed(replace(`"op":"read"`, "\"op\":\"re\\u0061d\"")), record.ErrFormat, "recording line 3, column 16: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			core, err := record.Replay(strings.NewReader(tt.text))
			var at *record.FormatError
			if core != nil || !errors.Is(err, tt.class) || !errors.Is(err, record.ErrFormat) || !errors.As(err, &at) {
				t.Fatalf("%v, want %v", err, tt.class)
			}
			if !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%v\nwant %s…", err, tt.want)
			}
			if n := strings.Count(tt.text, "\n") + 1; at.Line < 1 || at.Line > n || at.Column < 1 {
				t.Errorf("line %d, column %d of %d lines", at.Line, at.Column, n)
			}
		})
	}
}

// Any byte that is changed is noticed.
func TestEveryByteCounts(t *testing.T) {
	recording := recorded(t, kernel{}, short)
	for i := range len(recording) {
		for _, bit := range []byte{1, 2, 0x20} {
			changed := []byte(recording)
			changed[i] ^= bit
			if _, err := record.Replay(strings.NewReader(string(changed))); !errors.Is(err, record.ErrFormat) {
				t.Errorf("byte %d, %q to %q: %v", i, recording[i], changed[i], err)
			}
		}
	}
	for n := range len(recording) {
		if _, err := record.Replay(strings.NewReader(recording[:n])); !errors.Is(err, record.ErrTruncated) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
}

func TestReaderErrors(t *testing.T) {
	recording := recorded(t, kernel{}, short)
	for _, n := range []int{0, 10, strings.Index(recording, "\n") + 1, strings.Index(recording, "read"), len(recording)} {
		r := io.MultiReader(strings.NewReader(recording[:n]), iotest.ErrReader(syscall.EIO))
		if _, err := record.Replay(r); !errors.Is(err, syscall.EIO) || errors.Is(err, record.ErrFormat) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
	long := io.MultiReader(strings.NewReader(recording[:len(recording)-1]), strings.NewReader(strings.Repeat("x", record.MaxLine)))
	if _, err := record.Replay(long); err == nil || !strings.Contains(err.Error(), "line 5, column 33554432: the line is longer than 33554432 bytes") {
		t.Errorf("a long line: %v", err)
	}
}

// Memory that was mapped is made only as far as any was.
func TestMappedMemoryIsBounded(t *testing.T) {
	recording := recorded(t, posix.Unimplemented{}, func(k posix.Core) { _, _ = k.Mmap(posix.Mapping{}) })
	for _, n := range []string{"-1", "1073741825", "null", "9223372036854775808"} {
		text := sealed(strings.Replace(recording, `"result":0`, `"result":`+n, 1))
		if _, err := record.Replay(strings.NewReader(text)); !errors.Is(err, record.ErrFormat) || !strings.Contains(err.Error(), "mmap: result: ") {
			t.Errorf("%s: %v", n, err)
		}
	}
}

func TestDivergence(t *testing.T) {
	recording := recorded(t, kernel{}, short)
	open := func(k posix.Core, path string) error {
		_, err := k.Openat2(posix.AtFDCWD, path, posix.OpenHow{Flags: 1})
		return err
	}
	for _, tt := range []struct {
		name    string
		program func(posix.Core) error
		want    string
	}{
		{"another argument", func(k posix.Core) error { return open(k, "/y") },
			`recording line 2: the program calls …t2 {"dir":-100,"path":"/y"`},
		{"another call", func(k posix.Core) error { return k.Close(3) }, `recording line 2: the program calls close {"fd":3}, and openat2 {`},
		{"less room", func(k posix.Core) error {
			if err := open(k, "/x"); err != nil {
				t.Error(err)
			}
			_, err := k.Read(3, make([]byte, 3))
			return err
		}, `recording line 3: the program calls read {"fd":3,"p":3}, and read {"fd":3,"p":4} was recorded`},
		{"too many calls", func(k posix.Core) error { short(k); return k.Close(3) },
			`recording line 5: the program calls close {"fd":3}, and nothing more was recorded`},
		{"too few calls", func(k posix.Core) error { _ = open(k, "/x"); return syscall.EPROTO }, `recording line 3: the program calls nothing more, and read {`},
		{"another error of a call without one", func(k posix.Core) (err error) {
			defer func() {
				if d, ok := recover().(*record.Divergence); ok && strings.Contains(d.Got, "getpid") {
					err = syscall.EPROTO
				}
			}()
			return fmt.Errorf("process %d", k.Getpid())
		}, `recording line 2: the program calls getpid {}, and openat2 {`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			core, err := record.Replay(strings.NewReader(recording))
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.program(core); err != error(syscall.EPROTO) {
				t.Errorf("the call returned %v", err)
			}
			var d *record.Divergence
			if err := core.Done(); !errors.As(err, &d) || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
			if tt.name == "too few calls" {
				if core.Err() != nil {
					t.Errorf("Err: %v, want none yet", core.Err())
				}
				return
			}
			first := core.Err()
			if fd, err := core.Openat2(posix.AtFDCWD, "/x", posix.OpenHow{Flags: 1}); fd != -1 || err != error(syscall.EPROTO) {
				t.Errorf("a call afterwards: %d, %v", fd, err)
			}
			if core.Err() != first {
				t.Errorf("the first divergence %v was replaced by %v", first, core.Err())
			}
		})
	}
}

// mapping has files that can be mapped.
type mapping struct{ posix.Unimplemented }

func (mapping) Mmap(m posix.Mapping) ([]byte, error) { return make([]byte, m.Length), nil }

func TestMappedFilesCannotBeReplayed(t *testing.T) {
	program := func(k posix.Core) { _, _ = k.Mmap(posix.Mapping{Length: 5, FD: 3, Flags: syscall.MAP_SHARED}) }
	core, err := record.Replay(strings.NewReader(recorded(t, mapping{}, program)))
	if err != nil {
		t.Fatal(err)
	}
	program(core)
	if err := core.Done(); err == nil || !strings.Contains(err.Error(), "whose contents are not in a recording") {
		t.Errorf("%v", err)
	}
}

// What was filled in must fit; a recording in which it does not was not made by this package.
func TestResultsThatDoNotFit(t *testing.T) {
	read := func(k posix.Core) error { _, err := k.Read(3, make([]byte, 2)); return err }
	stat := func(k posix.Core) error { return k.Fstat(3, nil) }
	recv := func(k posix.Core) error { _, err := k.Recvmsg(3, &posix.Msg{}, 0); return err }
	none := func(k posix.Core) error { _, err := k.Recvmsg(3, nil, 0); return err }
	set := func(k posix.Core) error { return k.Fstat(3, &posix.Stat{}) }
	blank := strings.TrimSpace(regexp.MustCompile(`.*"st":({.*})},"errno".*`).
		ReplaceAllString(strings.Split(recorded(t, posix.Unimplemented{}, func(k posix.Core) { _ = set(k) }), "\n")[1], "$1"))
	for _, tt := range []struct {
		name     string
		do       func(posix.Core) error
		old, now string
		want     string
	}{
		{"bytes", read, `"result":0,"p":""`, `"result":3,"p":"YWJj"`, "p: 3 elements were recorded, and there is room for 2"},
		{"a struct", stat, `{"st":null}`, `{"st":` + blank + `}`, "st: a result was recorded, and there is no room for one"},
		{"no struct", set, `{"st":` + blank + `}`, `{"st":null}`, "st: a result was recorded"},
		{"a message", recv, `"result":0,"m":{"Data":null`, `"result":3,"m":{"Data":"YWJj"`, "m: a longer message was recorded"},
		{"no message", none, `"result":0,"m":null`, `"result":0,"m":{"Data":"","Control":"","Addr":{"Family":0,"Addr":"","Path":""},"Flags":0,"ControlLen":0}`, "m: a result was recorded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			recording := recorded(t, posix.Unimplemented{}, func(k posix.Core) { _ = tt.do(k) })
			if !strings.Contains(recording, tt.old) {
				t.Fatalf("no %s in\n%s", tt.old, recording)
			}
			core, err := record.Replay(strings.NewReader(sealed(strings.Replace(recording, tt.old, tt.now, 1))))
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.do(core); err != error(syscall.EPROTO) {
				t.Errorf("%v", err)
			}
			var d *record.Divergence
			if !errors.As(core.Err(), &d) || !strings.Contains(d.Want, tt.want) {
				t.Errorf("%+v, want %s", core.Err(), tt.want)
			}
		})
	}
}

// FuzzReplay: whatever a file has in it, reading it ends with an error that says where, or with a recording that comes out the same when what is in it is
// called and recorded again. It is tried as it is and with the checksums that it should have.
func FuzzReplay(f *testing.F) {
	// Calls of all shapes, few of each: long recordings make a fuzzer slow.
	shapes := func(k posix.Core) {
		_, _, _ = k.Accept4(3, 0)
		_ = k.Fstat(3, &posix.Stat{})
		_, _ = k.Recvmsg(3, &posix.Msg{Data: make([]byte, 4), Control: make([]byte, 4)}, 0)
		_, _ = k.Ppoll([]posix.PollFD{{FD: 3}}, nil)
		_, _ = k.Mmap(posix.Mapping{Length: 5})
		_, _ = k.Clone3(&posix.CloneArgs{Program: &posix.Program{Memory: []byte("x"), Steps: make([]posix.Step, 1)}})
		_ = k.Execve("/\xff", []string{"a"}, nil)
	}
	for _, seed := range []string{"", "{}\n", recorded(f, kernel{}, short), recorded(f, posix.Unimplemented{}, shapes), recorded(f, mapping{}, shapes)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, text := range []string{text, sealed(text)} {
			core, err := record.Replay(strings.NewReader(text))
			var at *record.FormatError
			switch {
			case err == nil:
				// Calls that were not recorded must not crash it.
				_, _ = core.Read(3, make([]byte, 4))
				_ = core.Fstat(3, &posix.Stat{})
				_, _ = core.Recvmsg(3, &posix.Msg{}, 0)
				if core.Err() == nil && core.Done() == nil && strings.Count(text, "\n") != 5 {
					t.Errorf("three calls were all of\n%s", text)
				}
			case !errors.As(err, &at) || !errors.Is(err, record.ErrFormat):
				t.Errorf("%v (%v) says not where", err, reflect.TypeOf(err))
			case at.Line < 1 || at.Line > strings.Count(text, "\n")+1 || at.Column < 1:
				t.Errorf("%v of\n%s", err, text)
			}
		}
	})
}
