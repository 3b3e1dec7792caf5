// Package future has results that are going to be known later.
//
//	f, resolve := future.New[int]()
//	go func() { resolve(compute()) }()
//	n, err := f.Wait(ctx)
//
// A future is resolved once, by whoever holds its resolve function, and can be waited for by any number of goroutines. It needs no goroutine
// of its own: [Then] and [All] are called back by the one that resolves.
package future
