package trace

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestRegisters reads what strace 6.1 made of calls whose registers are known: every call there is with registers whose bits all differ, and
// those with operations with each of these. registers.txt has the number of each call and its registers. A filter kept the
// kernel from making any of them. Whatever is said to be known of an argument has to be what was in the register.
func TestRegisters(t *testing.T) {
	text, err := os.ReadFile("testdata/registers.strace")
	if err != nil {
		t.Fatal(err)
	}
	registers, err := os.ReadFile("testdata/registers.txt")
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSuffix(string(registers), "\n"), "\n")
	n, known, all := 0, 0, 0
	for l, p := range Read(strings.NewReader(string(text)), testArch) {
		if p != nil {
			t.Fatalf("%v\n%s", p, p.Text)
		}
		if n == len(rows) {
			t.Fatal("more calls than registers")
		}
		var nr uint32
		var want [6]uint64
		if _, err := fmt.Sscanf(rows[n], "%d %v %v %v %v %v %v", &nr, &want[0], &want[1], &want[2], &want[3], &want[4], &want[5]); err != nil {
			t.Fatal(err)
		}
		if n++; l.Call.Data.Nr != nr {
			t.Fatalf("line %d is call %d, not %d: %s", n, l.Call.Data.Nr, nr, l.Text)
		}
		for _, a := range l.Call.Args {
			if a.Index < 0 {
				continue
			}
			all++
			if l.Call.Known[a.Index] != 0 {
				known++
			}
			if got := l.Call.Data.Args[a.Index]; (got^want[a.Index])&l.Call.Known[a.Index] != 0 {
				t.Errorf("argument %d is read as %#x, of which %#x is known, and was %#x: %s", a.Index, got, l.Call.Known[a.Index], want[a.Index], l.Text)
			}
		}
	}
	if n != len(rows) || known < all*8/10 {
		t.Errorf("%d calls of %d were read; of %d arguments %d are known", n, len(rows), all, known)
	}
	t.Logf("%d calls, %d of %d arguments known", n, known, all)
}
