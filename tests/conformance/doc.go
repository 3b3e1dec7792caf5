// Package conformance is one suite of cases for every implementation of [posix.Core].
//
// Each case makes calls and says what Linux answers. The suite runs on Linux itself, as root and as an ordinary user, and on mocks/kernel, so that a test
// that passes on the in-memory kernel says something about the real one. Others can run it on an implementation of their own:
//
//	func TestMain(m *testing.M) { conformance.Main(m, mine.New()) }
//
//	func TestConformance(t *testing.T) {
//		conformance.Run(t, conformance.Implementation{Name: "Mine", Start: start})
//	}
//
// # Writing a case
//
// Cases are tables, a file for each narrow interface:
//
//	{Op: posix.OpDup3, Name: "onto itself", Run: func(t *T) {
//		fd := t.File("x", "text")
//		t.Errno("dup3", t.Core.Dup3(fd, fd, 0), unix.EINVAL)
//	}},
//
// A case works in [T.Dir], an empty directory on a tmpfs of its own, and leaves nothing open: what the helpers of T open is closed at the end. A case that changes its
// process for good (its user, session, filters …) sets Alone. Need says who can run it. What depends on the kernel's version or on how it was built is probed by the case, which skips
// with the fact that it found. Children run [Helper], the same program everywhere: see [T.Spawn].
//
// cmd/posixgen refuses to generate when a method of posix.Core has fewer than three cases; it reads Op of the literals, so each case is a literal.
//
// # Limits
//
// What Linux answers is what it answers on the kernels that the suite has run on. Timing, scheduling and what depends on the load are not asked about. An
// implementation whose processes are those of the host needs /dev/shm, a tmpfs.
package conformance
