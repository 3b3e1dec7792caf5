package compile

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// What a hostile program does after it has written.
var (
	thenExit  = []byte{0xb8, 231, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05}           // exit_group(0)
	thenCrash = []byte{0x0f, 0x0b}                                           // ud2
	thenSpin  = []byte{0xeb, 0xfe}                                           // jmp .
	thenOpen  = []byte{0xb8, 2, 0, 0, 0, 0x31, 0xff, 0x31, 0xf6, 0x0f, 0x05, // open(NULL, O_RDONLY)
		0x89, 0xc7, 0xf7, 0xdf, 0xb8, 231, 0, 0, 0, 0x0f, 0x05} // exit_group(errno)
)

const thenAgain = "again"

// hostile makes a static program of a few instructions that writes to the channel and then does something: machine code, thenAgain.
func hostile(t *testing.T, write []byte, then any) string {
	t.Helper()
	const base, header = 0x400000, 64 + 56
	// mov eax, 1; mov edi, 3; mov esi, data; mov edx, length; syscall
	code := []byte{0xb8, 1, 0, 0, 0, 0xbf, 3, 0, 0, 0, 0xbe, 0, 0, 0, 0, 0xba, 0, 0, 0, 0, 0x0f, 0x05}
	switch then := then.(type) {
	case []byte:
		code = append(code, then...)
	case string:
		code = append(code, 0xeb, byte(-len(code)-2)) // jmp to the beginning
	}
	binary.LittleEndian.PutUint32(code[11:], uint32(base+header+len(code)))
	binary.LittleEndian.PutUint32(code[16:], uint32(len(write)))

	le := binary.LittleEndian
	image := []byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	image = le.AppendUint16(image, 2)  // ET_EXEC
	image = le.AppendUint16(image, 62) // EM_X86_64
	image = le.AppendUint32(image, 1)
	image = le.AppendUint64(image, base+header) // entry
	image = le.AppendUint64(image, 64)          // program headers
	image = le.AppendUint64(image, 0)
	image = le.AppendUint32(image, 0)
	for _, n := range []uint16{64, 56, 1, 0, 0, 0} {
		image = le.AppendUint16(image, n)
	}
	size := uint64(header + len(code) + len(write))
	image = le.AppendUint32(image, 1) // PT_LOAD
	image = le.AppendUint32(image, 5) // readable, executable
	for _, n := range []uint64{0, base, base, size, size, 0x1000} {
		image = le.AppendUint64(image, n)
	}
	image = append(append(image, code...), write...)
	path := filepath.Join(t.TempDir(), "hostile")
	if err := os.WriteFile(path, image, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
