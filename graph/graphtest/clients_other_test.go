//go:build !linux

package graphtest_test

import "testing"

// The names by which Microsoft's hosts are known.
const authorityHost, graphHost = "login.microsoftonline.com", "graph.microsoft.com"

func insideRealHosts() bool { return false }

func arrange(*testing.T) {}

func underRealHosts(t *testing.T, _ string) {
	t.Skip("NOT RUN: Microsoft's names need a network of their own, which only Linux gives a process")
}
