// Package schema makes the JSON schema (draft-07) of the policy language, from the tables that the parser has.
//
//	text := schema.JSON(seccomp.Catalog())
//
// An editor with a YAML language server takes it from the first line of a policy: "# yaml-language-server: $schema=policy.schema.json".
//
// # Limits
//
// The schema accepts every policy that policy.Parse accepts. It does not refuse every one that Parse refuses: what keys say against each
// other, names that are not defined, the calls of a rule in a map, expressions, and ranges of what has a unit are beyond a schema. A value
// with a variable in it is taken as it is. What a module that extends profiles must have is not demanded of it, because the profiles may
// have it.
package schema
