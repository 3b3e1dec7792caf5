// Package derive runs programs under exactly the filters that package posix/derive says they need: every other call kills them.
package derive
