package conformance

func memoryCases() []Case {
	return []Case{}
}
