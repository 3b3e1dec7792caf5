package policy

// Expr is an argument expression of a rule, such as `family in [AF_INET, AF_INET6]`, as it was written.
type Expr struct {
	Text string
	Pos  Pos // of its first character
}
