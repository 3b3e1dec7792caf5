// Package planted makes the mistakes that a compiler of seccomp filters can make, so that whoever looks for such mistakes can be tested.
//
//	result := planted.NewResult()
//	planted.Subject{Name: "web", Program: p, Want: decision.Want, Native: seccomp.Native().Audit()}.Plant(prove, result)
//	fmt.Println(result.Planted(), result.Found(), result.Wrong)
//
// Every kind of mistake ([Kinds]) is made at every place of a program where it can be made. What the prover calls different has to be shown
// by a call that the program really answers differently, and what it calls equal is searched for a difference by trial
// ([Search]), which shares nothing with any prover: a mistake is what either of them finds.
//
// # Limits
//
// A search by trial finds most mistakes, not all: one that neither it nor the prover finds is counted as a change that means nothing.
package planted
