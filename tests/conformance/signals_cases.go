package conformance

func signalsCases() []Case {
	return []Case{}
}
