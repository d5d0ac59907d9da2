//go:build tools

// Package tools pins what is built from here, so that `go mod tidy` keeps what it needs.
package tools

import _ "github.com/kedacore/keda/v2/cmd/operator"
