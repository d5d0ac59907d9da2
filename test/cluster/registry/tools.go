//go:build tools

// Package tools pins what is built from here, so that `go mod tidy` keeps what it needs.
package tools

import (
	_ "github.com/distribution/distribution/v3/cmd/registry"
)
