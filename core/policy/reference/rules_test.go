package reference

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRulesCommitted(t *testing.T) {
	planted, err := ReadPlanted("../../../tests/testdata/weak", filepath.Glob, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Rules(planted)
	if err != nil {
		t.Fatal(err)
	}
	committed, err := os.ReadFile("../../../docs/audit-rules.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, want) {
		t.Error("docs/audit-rules.md is not what the audit says; run make generate")
	}
}

func TestRuleWithoutExample(t *testing.T) {
	if _, err := Rules(nil); err == nil || !strings.Contains(err.Error(), "no policy plants C01") {
		t.Errorf("%v", err)
	}
}
