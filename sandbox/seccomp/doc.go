// Package seccomp turns the seccomp section of a policy into a filter program.
package seccomp

//go:generate go run ../../cmd/seccompgen
