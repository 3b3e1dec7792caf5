// Package exchange has what the importers and exporters of policies share: places in foreign files, findings about what another
// language says and ours does not, and the spelling of YAML scalars.
//
// # Findings
//
// A [Note] names something that is not carried over, with its place. Nothing is left out without one. What makes a file unusable is
// an [Error]; all those of a file come in one [Errors].
//
// # Limits
//
// The package writes scalars and lists of YAML; it does not read YAML. Columns count characters, as package policy counts them.
package exchange
