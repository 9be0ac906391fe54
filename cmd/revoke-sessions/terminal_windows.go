package main

import (
	"errors"
	"io"
	"os"
)

// console is Windows' terminal, which is one file to read and another to write.
type console struct{ in, out *os.File }

// Read reads what is typed.
func (c console) Read(p []byte) (int, error) { return c.in.Read(p) }

// Write shows text.
func (c console) Write(p []byte) (int, error) { return c.out.Write(p) }

// Close lets go of the terminal.
func (c console) Close() error { return errors.Join(c.in.Close(), c.out.Close()) }

// openTerminal opens the terminal that the process belongs to, wherever its
// standard input comes from. The error is errNobodyToAsk where it has none.
func openTerminal() (io.ReadWriteCloser, error) {
	in, err := os.OpenFile("CONIN$", os.O_RDWR, 0)
	if err != nil {
		return nil, errNobodyToAsk
	}
	out, err := os.OpenFile("CONOUT$", os.O_RDWR, 0)
	if err != nil {
		_ = in.Close()
		return nil, errNobodyToAsk
	}
	return console{in, out}, nil
}
