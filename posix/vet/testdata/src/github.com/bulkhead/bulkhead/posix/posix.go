// Package posix stands for the real one.
package posix

type Core interface{ Getpid() int }

func Active() Core { return nil }
func Use(Core)     {}
