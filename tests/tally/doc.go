// Command tally runs go test -json, shows what matters of it while it runs, and counts.
//
//	tally run LABEL LOG COMMAND ARG…   runs the command, keeps its stream in LOG, shows packages, failures and reasons of skips
//	tally close LOG…                   closes with "N passed, N failed, N skipped", counted from the streams; a LOG is named NUMBER-USER.json
//
// What counts is a test without subtests: a parent is counted only when it fails by itself. A test that began and never
// ended, and a package that failed without a failed test (it does not build, its TestMain failed, it was killed), are failures.
//
//posixvet:exempt a part of tests: it counts them
package main
