// Package plan says what a reload does: the difference of two configurations as actions with their reasons.
//
// [Diff] is a pure function of two outlines. What it returns is shown by `supervisor reload --dry-run` ([Text]), and the machine carries
// out the very same value, so what was announced is what happens.
//
//   - A listener is the same when its identity is: network and address. Its name, its backlog, and the mode and owner of a
//     unix socket change in place.
//   - A module is kept when every section of its configuration and its launch programs are what they were, and it inherits the same
//     sockets. Settings that only the manager uses change without a new process.
//   - Everything else replaces the module's instances, in the order that the new configuration names.
//
// # Limits
//
// Environment variables are compared by hashes, so a reason names the variable and never its values. A file that a module reads by itself is
// not looked at: changing nginx.conf changes nothing here, and `supervisor restart` is what picks it up.
package plan
