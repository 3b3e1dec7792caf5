package future

import (
	"context"
	"errors"
	"sync"
)

// Future is a value, or an error instead, that is going to be known. The zero value is not usable.
type Future[T any] struct {
	done chan struct{}

	mu       sync.Mutex // guards what follows until done is closed
	value    T
	err      error
	resolved bool
	then     []func()
}

// New returns a future and the function that resolves it. That function returns false, and changes nothing, when it was called before.
func New[T any]() (*Future[T], func(T, error) bool) {
	f := &Future[T]{done: make(chan struct{})}
	return f, f.resolve
}

// Resolved returns a future that is known already.
func Resolved[T any](value T, err error) *Future[T] {
	f, resolve := New[T]()
	resolve(value, err)
	return f
}

func (f *Future[T]) resolve(value T, err error) bool {
	f.mu.Lock()
	if f.resolved {
		f.mu.Unlock()
		return false
	}
	f.value, f.err, f.resolved = value, err, true
	then := f.then
	f.then = nil
	close(f.done)
	f.mu.Unlock()
	for _, g := range then {
		g()
	}
	return true
}

// Done is closed when the future is resolved.
func (f *Future[T]) Done() <-chan struct{} { return f.done }

// Wait blocks until the future is resolved or ctx is done, whose cause is then the error. A result that is there wins over a ctx that is done.
func (f *Future[T]) Wait(ctx context.Context) (T, error) {
	select {
	case <-f.done:
		return f.value, f.err
	default:
	}
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		var zero T
		return zero, context.Cause(ctx)
	}
}

// Result returns the result, if it is known.
func (f *Future[T]) Result() (value T, err error, known bool) {
	select {
	case <-f.done:
		return f.value, f.err, true
	default:
		return value, nil, false
	}
}

// on has g called once the future is resolved: by the goroutine that resolves it, or at once.
func (f *Future[T]) on(g func()) {
	f.mu.Lock()
	if !f.resolved {
		f.then = append(f.then, g)
		f.mu.Unlock()
		return
	}
	f.mu.Unlock()
	g()
}

// Then returns the future of what g makes of a value. An error is passed on, and g is not called. Since g is called by the goroutine that
// resolves f, it does not block.
func Then[T, U any](f *Future[T], g func(T) (U, error)) *Future[U] {
	out, resolve := New[U]()
	f.on(func() {
		if f.err != nil {
			var zero U
			resolve(zero, f.err)
			return
		}
		resolve(g(f.value))
	})
	return out
}

// All returns the future of all values, in order, which is resolved when the last of them is known. Its error joins those there were; the
// values of the others are there all the same.
func All[T any](futures ...*Future[T]) *Future[[]T] {
	out, resolve := New[[]T]()
	if len(futures) == 0 {
		resolve(nil, nil)
		return out
	}
	var mu sync.Mutex
	left := len(futures)
	for _, f := range futures {
		f.on(func() {
			mu.Lock()
			left--
			last := left == 0
			mu.Unlock()
			if !last {
				return
			}
			values := make([]T, len(futures))
			errs := make([]error, len(futures))
			for i, f := range futures {
				values[i], errs[i] = f.value, f.err
			}
			resolve(values, errors.Join(errs...))
		})
	}
	return out
}
