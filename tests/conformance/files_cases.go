package conformance

func filesCases() []Case {
	return []Case{}
}
