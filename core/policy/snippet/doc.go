// Package snippet shows the line of a policy that a message is about, with carets below the word that is meant, as package policy shows its
// own findings.
//
//	out.WriteString(snippet.At(text, pos))
//
// # Limits
//
// The word is what ends at a space or at punctuation of YAML: of a string in quotes with spaces in it, that is the first word.
package snippet
