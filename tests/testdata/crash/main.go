// Command crash panics, which the Go runtime reports by itself.
package main

func main() {
	panic("on purpose")
}
