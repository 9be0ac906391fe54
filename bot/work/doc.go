// Package work runs stored work in a pool, with a limit on how much at once and turns
// for everybody, and retries the writes that must not be lost. It does not know what
// the work is.
package work
