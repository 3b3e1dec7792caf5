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
// wins wherever it stands: a profile's deny cannot be lifted by what extends the profile.
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
// merge keys, tags, directives or second documents. An error of YAML itself hides what comes after it. The YAML library
// is not ours: where it panics, the panic becomes a finding; what it accepts beyond YAML, such as a missing space
// after a colon in {a:b}, is accepted here. Paths are compared as they are written, so two names of one directory
// are not seen to be the same.
package policy
