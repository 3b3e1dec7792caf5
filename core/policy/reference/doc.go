// Package reference writes the reference of the policy language, docs/policy-reference.md, from the table that the schema is made from.
//
// # Limits
//
// It says what each key is. Rules that join several keys are in package policy's documentation and in the findings themselves.
package reference

//go:generate go run generate.go
