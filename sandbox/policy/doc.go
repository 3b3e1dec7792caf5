// Package policy reads the policy language: one YAML file that says what runs, what it may do and what it must survive.
//
//	p, findings := policy.Parse("web.yaml", text, policy.Options{Catalog: catalog, Dir: "/etc/bulkhead"})
//	if err := findings.Err(); err != nil {
//		policy.Render(os.Stderr, findings, text)
//	}
//
// # Reading
//
// Parse decodes strictly and reports everything that is wrong with a file in one run, each finding with its line,
// its column, the characters it is about and what to do. The policy is nil exactly when there is an error; a warning
// leaves it usable. Render shows findings to a person with the source line and a caret, RenderJSON to a machine. The
// codes and their meanings are in Codes.
//
// A key or word that the language has and this version does not do is refused with a message that says so. Nothing
// is accepted and ignored: a rule without effect is an error or a warning.
//
// # Profiles
//
// A module has the keys of the profiles it extends, those that are extended further up first, each profile once. Maps
// are merged, lists are appended, scalars are replaced; so is a command, which is one thing. In allow and deny, deny
// wins wherever it stands: a profile's deny cannot be lifted by what extends the profile, unless it is {call: NAME, overridable: true} and
// the call is allowed by its name further down. Where that has a condition, the rest stays denied.
//
// The tag !reset in front of a value makes it all there is: what profiles gave to the key is forgotten. !reset null is as if no profile had
// the key. What a profile denies and does not mark as overridable cannot be reset.
//
// # Rules
//
// An entry of allow or deny is a call, a @group, a list of entries, or a map:
//
//	{call: socket, when: "family in [AF_INET, AF_INET6] && (type & SOCK_TYPE_MASK) == SOCK_STREAM"}
//	{call: [statmount, listmount], if_supported: true}   # no error where the kernel or the architecture lacks them
//	{call: clone3, action: errno ENOSYS}                 # in deny: another answer than the section's
//	{call: ptrace, overridable: true}                    # in deny of a profile
//
// Rules for one call with other conditions are alternatives. A rule in deny with a condition takes away the calls for which it holds, and
// nothing else.
//
// # Expressions
//
// An expression has C's operators with C's precedence: || && | & == != < <= > >= ! ~ and parentheses; besides, binding like <,
// "in [a, b, c..d]" and "has" (all of these bits). An integer where a condition belongs means != 0. Arguments go by the names of the
// kernel's prototype, constants by their names in C; numbers are decimal, hexadecimal (0x) or binary (0b). Constants may be joined by |.
// A comparison has the width and the sign of the parameter's C type, as the kernel casts the register to it; raw64(argument) compares the
// whole register, without a sign. A pointer can be compared with NULL only.
//
// A name or a hexadecimal number may stand for the bits of a negative number, as in C: dfd == AT_FDCWD. Refused are arithmetic, two
// arguments compared, constants that the type cannot have, conditions that always or never hold, and expressions whose precedence in C is
// not what they look like, such as flags & O_CREAT == O_CREAT.
//
// ParseExpr and Expr.Lower do the same for a text that is in no policy; what an expression means is a Condition.
//
// # Files and tests
//
// include: [FILE, …] adds the listeners, profiles, modules and tests of other files, whose relative paths start from their own directories.
// Options.Include reads them, and for a policy that is carried out holds each to the rule of trust that the policy itself is held to; a name is
// defined in one file only. ${POLICY_DIR} in an included file is that file's directory, and a profile of it that no module uses is no
// finding, because it may be there for other policies. The tests block is read and checked as far as it goes without running it,
// and so is accept, whose dates are for the audit to compare with today.
//
// # Defaults
//
// A key that is not written has the default that its field documents, and a Value without a position. Those of a
// restart are a delay of 200ms that grows to 30s, at most 5 starts in 1m, and a fresh count after 10s of health. A
// tmpfs may be read and written unless its access says otherwise.
//
// # Readiness and health
//
// A module with healthcheck: {notify: true} is ready when it says READY=1 on the socket that NOTIFY_SOCKET names, as sd_notify(3) does it;
// with a watchdog it must say WATCHDOG=1 at least that often from then on. One with {tcp: "HOST:PORT"} is ready when a
// connection to that address succeeds, and no longer healthy when as many probes in a row as retries fail, each of which may take
// timeout, one every interval. A module without a healthcheck is ready when it has run for 250 ms.
//
// start_period is how long a start may take: an instance that is not ready by then has failed to start. It is 30 s when it is not
// written. Probes that fail before the first success do not count.
//
// Probes come from the host's network. One that cannot reach the module is an error (E419); one of a socket that the supervisor itself
// holds open is a warning (W420), because the kernel takes connections for the module while it is down.
//
// # Dynamic users
//
// user: {dynamic: true} gives a module a user and a group that nobody else has: package sandbox chooses the number. Neither has a name.
//
// # Values
//
// ${NAME} in a value is a variable that the caller gave in Options, $$ is a dollar sign. Keys are taken as they are.
// Durations need a unit (ms, s, m, h), so do sizes (K, M, G, T, powers of 1024); a size of 0 needs none. Relative
// paths start from the directory of the policy and are made absolute and clean.
//
// # Limits
//
// The package reads text. Whether a user, a path or a port exists, whether the kernel has what is asked for, and
// whether the file may be trusted at all (its owner, its directory) is for others to check.
//
// The text has at most 1 MiB in lines of at most 4096 characters, nesting at most 64, and no tabs, anchors, aliases,
// merge keys, tags but !reset, directives or second documents. An error of YAML itself hides what comes after it. The YAML library
// is not ours: where it panics, the panic becomes a finding; what it accepts beyond YAML, such as a missing space
// after a colon in {a:b}, is accepted here. Paths are compared as they are written, so two names of one directory
// are not seen to be the same.
//
// An expression has at most 4096 characters and is nested at most 64 deep. That a condition always or never holds is found for conditions
// on one argument without masks, for equal masks compared with two values, and for conjunctions and disjunctions that such parts decide;
// the prover of package seccomp finds the rest. The condition of a call and that of a deny for the same call are compared as they are
// written. A rule cannot have a condition for calls of another architecture than the catalog's. Suggestions and messages of an expression
// with a ${NAME} in it point at the start of the value. A file can be included once, 64 in all with
// 4 MiB together, 8 deep.
package policy
