//go:build unix && !linux

package postgrestest

// memory is no folder here.
const memory = ""

// roomInMemory is "": only Linux has such a folder everywhere.
func roomInMemory() string { return "" }
