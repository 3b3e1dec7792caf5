package vet

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"
)

func TestAnalyzer(t *testing.T) {
	for _, name := range []string{"uses", "library", "command", "leaks", "exempt", "support", "clean", posixPath + "/linux"} {
		t.Run(name, func(t *testing.T) { analysistest.Run(t, analysistest.TestData(), Analyzer, name) })
	}
}
