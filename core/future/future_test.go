package future

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errSome = errors.New("some error")

func TestResolvedOnce(t *testing.T) {
	f, resolve := New[int]()
	if _, _, known := f.Result(); known {
		t.Error("known before it was resolved")
	}
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if resolve(i+1, nil) {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	first, err, known := f.Result()
	if won.Load() != 1 || !known || err != nil || first == 0 {
		t.Errorf("%d won; %d, %v, %t", won.Load(), first, err, known)
	}
	resolve(-1, errSome)
	if again, err := f.Wait(context.Background()); again != first || err != nil {
		t.Errorf("it has changed from %d to %d, %v", first, again, err)
	}
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, resolve := New[string]()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errSome)
		defer cancel()
		if _, err := f.Wait(ctx); err != errSome {
			t.Errorf("wait for what never comes: %v", err)
		}
		start := time.Now()
		time.AfterFunc(time.Hour, func() { resolve("late", nil) })
		if v, err := f.Wait(context.Background()); v != "late" || err != nil || time.Since(start) != time.Hour {
			t.Errorf("%q, %v after %s", v, err, time.Since(start))
		}
		if v, err := f.Wait(ctx); v != "late" || err != nil {
			t.Errorf("a result that is there, with a context that is done: %q, %v", v, err)
		}
	})
}

func TestThen(t *testing.T) {
	tests := []struct {
		name  string
		value int
		err   error
		g     func(int) (string, error)
		want  string
		is    error
	}{
		{name: "value", value: 7, g: func(n int) (string, error) { return strconv.Itoa(n), nil }, want: "7"},
		{name: "error", err: errSome, g: func(int) (string, error) { panic("called after an error") }, is: errSome},
		{name: "error of the function", value: 7, g: func(int) (string, error) { return "", errSome }, is: errSome},
	}
	for _, test := range tests {
		for _, before := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/%t", test.name, before), func(t *testing.T) {
				f, resolve := New[int]()
				if before {
					resolve(test.value, test.err)
				}
				u := Then(f, test.g)
				resolve(test.value, test.err)
				if got, err, known := u.Result(); got != test.want || err != test.is || !known {
					t.Errorf("%q, %v, %t", got, err, known)
				}
			})
		}
	}
}

func TestAll(t *testing.T) {
	a, resolveA := New[int]()
	b, resolveB := New[int]()
	all := All(a, Resolved(2, nil), b)
	resolveB(3, errSome)
	if _, _, known := all.Result(); known {
		t.Error("known before the last of them")
	}
	resolveA(1, nil)
	values, err, known := all.Result()
	if !known || !errors.Is(err, errSome) || !slices.Equal(values, []int{1, 2, 3}) {
		t.Errorf("%v, %v, %t", values, err, known)
	}
	if values, err, known := All[int]().Result(); values != nil || err != nil || !known {
		t.Errorf("all of none: %v, %v, %t", values, err, known)
	}
}

func ExampleThen() {
	f, resolve := New[int]()
	double := Then(f, func(n int) (int, error) { return 2 * n, nil })
	resolve(21, nil)
	fmt.Println(double.Wait(context.Background()))
	// Output: 42 <nil>
}
