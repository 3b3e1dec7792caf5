package plancache

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/posix"
)

// remembered returns a bed with a plan that was remembered for the words, and the path of the mark.
func remembered(t *testing.T, words []string) (b *bed, dir, mark string) {
	t.Helper()
	b, dir = newBed(t)
	b.asks = []string{"f" + dir}
	_, how, err := b.Compile(b.kernel, nil, b.request)
	must(t, err)
	if b.Guess(b.kernel, words) != nil {
		t.Fatal("something is guessed that nobody remembered")
	}
	must(t, b.Remember(b.kernel, words, how.Key))
	name, err := b.mark(b.kernel, words)
	must(t, err)
	return b, dir, filepath.Join(b.Dir, name)
}

func TestGuess(t *testing.T) {
	words := []string{"exec", "--policy", "a.yaml"}
	b, _, mark := remembered(t, words)
	g := b.Guess(b.kernel, words)
	if g == nil || !reflect.DeepEqual(g.Plan.Encode(), somePlan(1).Encode()) {
		t.Fatalf("guessed %+v", g)
	}
	must(t, b.Current(b.kernel, g, b.request))
	for _, other := range [][]string{nil, {"exec"}, {"exec", "--policya.yaml"}, {"exec", "--policy", "a.yaml", ""}} {
		if b.Guess(b.kernel, other) != nil {
			t.Errorf("%q lead to the plan of other words", other)
		}
	}
	if st, err := os.Stat(mark); err != nil || st.Mode() != 0o600 {
		t.Errorf("%v %v", st, err)
	}
	b.expect(true, "") // the entries are what they were
	if (&Cache{}).Guess(b.kernel, words) != nil || !errors.Is((&Cache{}).Remember(b.kernel, words, Key{1}), errOff) {
		t.Error("a cache that keeps nothing remembers something")
	}
	if err := b.Remember(b.kernel, words, Key{}); !errors.Is(err, errOff) {
		t.Errorf("a plan that was not kept was remembered: %v", err)
	}
}

// TestWrongGuess: whatever changed, a guess is not current, and Compile makes the plan.
func TestWrongGuess(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(t *testing.T, b *bed, dir string)
		want   error
	}{
		{"the request", func(_ *testing.T, b *bed, _ string) { b.request.Module = "other" }, errGuess},
		{"the policy", func(_ *testing.T, b *bed, _ string) { b.request.Sources[0].Text = []byte("version: 1 # changed\n") }, errGuess},
		{"a fact about the host", func(_ *testing.T, b *bed, _ string) { b.request.Facts.SeccompMode = 2 }, errGuess},
		{"the program", func(_ *testing.T, b *bed, _ string) { b.program.Stat.Ino++ }, errGuess},
		{"the kernel", func(_ *testing.T, b *bed, _ string) {
			b.kernel.uname = func(u *posix.Utsname) { u.Version += "x" }
		}, errGuess},
		{"what is at a path", func(t *testing.T, _ *bed, dir string) { must(t, os.Chmod(dir, 0o711)) }, errChanged},
		{"a file system hangs", func(t *testing.T, b *bed, _ string) {
			release := make(chan struct{})
			b.kernel.onStat = func() { <-release }
			b.Timeout = 10 * time.Millisecond
			t.Cleanup(func() { close(release) })
		}, errSlow},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, dir, _ := remembered(t, []string{"w"})
			g := b.Guess(b.kernel, []string{"w"})
			c.change(t, b, dir)
			if err := b.Current(b.kernel, g, b.request); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

// TestMarks: a mark is believed as little as an entry is.
func TestMarks(t *testing.T) {
	for _, c := range []struct {
		name   string
		tamper func(t *testing.T, b *bed, mark string)
	}{
		{"gone", func(t *testing.T, _ *bed, mark string) { must(t, os.Remove(mark)) }},
		{"empty", func(t *testing.T, _ *bed, mark string) { must(t, os.Truncate(mark, 0)) }},
		{"cut", func(t *testing.T, _ *bed, mark string) { must(t, os.Truncate(mark, 63)) }},
		{"not a key", func(t *testing.T, _ *bed, mark string) {
			must(t, os.WriteFile(mark, []byte(strings.Repeat("z", 64)), 0o600))
		}},
		{"the key of nothing", func(t *testing.T, _ *bed, mark string) {
			must(t, os.WriteFile(mark, []byte(strings.Repeat("0", 64)), 0o600))
		}},
		{"others may write to it", func(t *testing.T, _ *bed, mark string) { must(t, os.Chmod(mark, 0o666)) }},
		{"a link", func(t *testing.T, b *bed, mark string) {
			must(t, os.Rename(mark, filepath.Join(b.Dir, "elsewhere")))
			must(t, os.Symlink("elsewhere", mark))
		}},
		{"a second name", func(t *testing.T, b *bed, mark string) { must(t, os.Link(mark, filepath.Join(b.Dir, "elsewhere"))) }},
		{"the entry is damaged", func(t *testing.T, b *bed, mark string) {
			key, err := os.ReadFile(mark)
			must(t, err)
			must(t, os.Truncate(filepath.Join(b.Dir, string(key)), 100))
		}},
		{"the directory is open to others", func(t *testing.T, b *bed, _ string) { must(t, os.Chmod(b.Dir, 0o777)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, _, mark := remembered(t, []string{"w"})
			if b.Guess(b.kernel, []string{"w"}) == nil {
				t.Fatal("nothing was remembered")
			}
			c.tamper(t, b, mark)
			if b.Guess(b.kernel, []string{"w"}) != nil {
				t.Error("it was believed")
			}
		})
	}
}
