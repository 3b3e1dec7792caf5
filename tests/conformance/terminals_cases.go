package conformance

func terminalsCases() []Case {
	return []Case{}
}
