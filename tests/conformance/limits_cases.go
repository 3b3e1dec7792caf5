package conformance

func limitsCases() []Case {
	return []Case{}
}
