// Package event gives events their names and keeps the last of them.
//
// [IDs] makes UUIDs of version 7 (RFC 9562), which sort by time. [Trace] is a W3C trace context, which ties what a command has caused together.
// [Ring] keeps the last events and passes new ones on to who follows them:
//
//	for e := range ring.Subscribe(ctx, "") { … }       // what is kept, then what happens, until ctx is done
//
// # Limits
//
// A follower that does not keep up is cut off: the last event it gets is of kind [Cut], and its channel is closed. What is not in the ring
// any more is gone: one who asks for the events after such a one gets an event of kind [Missed] first. Events do not outlive the process.
package event
