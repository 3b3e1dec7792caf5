package conformance

func namespacesCases() []Case {
	return []Case{}
}
