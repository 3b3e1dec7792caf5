// Package starter writes the policy that somebody starts from: what `supervisor policy new CMD` prints.
//
//	facts, err := starter.Gather("/usr/bin/web", nil, files)
//	text, err := starter.Policy(facts)
//
// [Gather] looks at the program, which does not run: a script's first line, the loader and the libraries of an ELF file, found as the loader would find
// them, and what is known of a few daemons. It reads through an interface; the supervisor gives it one in a confined process.
//
// The policy passes `policy check`, is laid out as `policy fmt` does it, has no finding of high in `policy audit`, and says in comments what to
// look at next.
//
// # Limits
//
// It is a place to begin, not what the program needs: files and calls that the program uses beyond starting are not known here, nor are libraries that
// it loads by name while it runs, nor what a script runs besides its interpreter. The paths of Perl's modules are those of Debian on x86-64.
package starter
