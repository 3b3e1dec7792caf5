package conformance

func hardeningCases() []Case {
	return []Case{}
}
