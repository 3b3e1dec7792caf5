package record

import (
	"fmt"
	"hash/crc32"
	"reflect"
	"runtime"
	"strconv"

	"github.com/bulkhead/bulkhead/posix"
)

// Version is the version of the format that this package writes and reads.
const Version = 1

// MaxLine is how long a line may be, in bytes. A call whose arguments and results do not fit is not recorded, and ends the recording.
const MaxLine = 32 << 20

// headerStart is what every recording begins with.
const headerStart = `{"recording":"posix"`

// castagnoli is the polynomial of the checksums.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A line is an object whose last member is a checksum of all that was written until there, the lines before included, without the checksums.

// checksumSize is the length of the last member of a line, with the comma in front of it, the brace and the newline.
const checksumSize = len(`,"crc":"00000000"}` + "\n")

// seal ends a line whose members are in b. It returns the new sum as well.
func seal(b []byte, sum uint32) ([]byte, uint32) {
	sum = crc32.Update(sum, castagnoli, b)
	return fmt.Appendf(b, `,"crc":"%08x"}`+"\n", sum), sum
}

func appendHeader(b []byte) []byte {
	return fmt.Appendf(b, headerStart+`,"version":%d,"platform":%q,"operations":%q`, Version, platform(), operations())
}

func platform() string { return runtime.GOOS + "/" + runtime.GOARCH }

func appendEnd(b []byte, calls uint64) []byte {
	return fmt.Appendf(b, `{"end":%d`, calls)
}

// appendCall appends the beginning of a call's line, up to its arguments.
func appendCall(b []byte, n uint64, op posix.Op, args []byte) []byte {
	b = append(b, `{"n":`...)
	b = strconv.AppendUint(b, n, 10)
	b = append(b, `,"op":"`...)
	b = append(b, op.String()...)
	b = append(b, `","args":`...)
	return append(b, args...)
}

// appendArgs appends the arguments of a call.
func appendArgs(b []byte, op posix.Op, args []reflect.Value) []byte {
	b = append(b, '{')
	for i, p := range shapes[op].params {
		b = appendName(b, i, p.name)
		if p.use == fills || p.use == maps {
			b = appendRoom(b, args[i])
		} else {
			b = appendValue(b, args[i])
		}
	}
	return append(b, '}')
}

// appendResults appends what a call returned and filled in, and its error.
func appendResults(b []byte, op posix.Op, args, results []reflect.Value, err error) []byte {
	b = append(b, `,"results":{`...)
	at := 0
	for i, name := range shapes[op].results {
		b = appendName(b, at, name)
		at++
		if results[i].Kind() == reflect.Slice { // memory that was mapped
			b = appendRoom(b, results[i])
			continue
		}
		b = appendValue(b, results[i])
	}
	for i, p := range shapes[op].params {
		if p.use == fills || p.use == updates {
			b = appendName(b, at, p.name)
			at++
			b = appendFilled(b, args[i], p.use, results)
		}
	}
	b = append(b, '}')
	switch errno, ok := err.(posix.Errno); {
	case ok:
		b = append(b, `,"errno":`...)
		b = strconv.AppendUint(b, uint64(errno), 10)
	case err != nil:
		b = append(b, `,"error":`...)
		b = appendString(b, err.Error())
	}
	return b
}
