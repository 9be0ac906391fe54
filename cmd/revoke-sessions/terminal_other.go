//go:build !windows

package main

import (
	"io"
	"os"
)

// openTerminal opens the terminal that the process belongs to, wherever its
// standard input comes from. The error is errNobodyToAsk where it has none.
func openTerminal() (io.ReadWriteCloser, error) {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, errNobodyToAsk
	}
	return f, nil
}
