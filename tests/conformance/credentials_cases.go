package conformance

func credentialsCases() []Case {
	return []Case{}
}
