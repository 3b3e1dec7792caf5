// Package format lays policies out in one way: what `supervisor policy fmt` does.
//
//	out, findings := format.Format("web.yaml", text)
//
// Keys come in the order of policy.Language, those that nobody knows after them; names that the author chose stay in the author's order.
// Maps and lists are indented by two. What is in braces or brackets stays so where it fits in 100 columns; a longer list of words is
// wrapped, a longer map written line by line. Strings have quotes where something in them could be taken for something else,
// expressions always. There is an empty line between the sections of the file, and at most one anywhere else, where the author put it.
// Comments stay with the line, key or list that they are at; those at the ends of following lines are aligned.
//
// The text is read again before it is returned: it says what the one before said, and has the same comments.
//
// # Limits
//
// A comment inside a map or a list in braces or brackets has it written line by line. One between a key and its value on another line comes
// to stand before the next key. A string that is written over several lines is written on one, unless it is a block; a policy whose lines
// would become longer than a policy's may be is refused, with a finding that says so.
package format
