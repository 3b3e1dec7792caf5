package conformance

func pollingCases() []Case {
	return []Case{}
}
