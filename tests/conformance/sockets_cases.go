package conformance

func socketsCases() []Case {
	return []Case{}
}
