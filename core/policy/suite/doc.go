// Package suite runs the tests that a policy has in its tests block.
//
//	results := suite.Run(p.Tests, suite.Env{Arch: call.On(seccomp.Native()), Decider: decisions, Read: files, Wider: compare})
//	suite.Render(os.Stdout, results)
//
// A test of a call holds when every call that the text stands for gets the answer that is expected: arguments that the text leaves
// open, and the upper halves of the registers of ints, may have any value. A test of a trace that is expected to be allowed holds when
// all lines were understood and each is allowed for certain; one that is expected to be denied, when the first line that is not allowed
// is certain to get the answer. A test of subset_of holds when no call is allowed that the other policy does not allow.
//
// [Live] has what a run on a kernel needs: the registers of each call and the answer that is expected of it. A run is somebody else's: it returns
// what the kernel [Said], and a [LiveResult] tells whether that is what the test expects, and which layer it was.
//
// # Limits
//
// The tests ask the decision function of the policy. That the filter in the kernel equals it is for the proof, and for the live run.
//
// In a live run, pointers are NULL, but for the paths of calls that only look at what they lead to: most calls that the filter lets through
// end with EFAULT. What a test leaves open is 0. kill_process, kill_thread and trap look alike, allow and log too. [Harm] knows what calls can do by
// themselves: a call in memory or on descriptors that the module has is made.
package suite
