package conformance

func clockCases() []Case {
	return []Case{}
}
