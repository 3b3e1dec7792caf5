// Command empty does nothing. What it asks of the kernel, the Go runtime asks.
package main

func main() {}
