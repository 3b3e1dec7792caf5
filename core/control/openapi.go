package control

import (
	_ "embed"
	"net/http"
)

// OpenAPI is the description of the control API: OpenAPI 3.1, in YAML.
//
//go:embed openapi.yaml
var OpenAPI []byte

func description(w http.ResponseWriter, _ *request) *Error {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(OpenAPI)
	return nil
}
