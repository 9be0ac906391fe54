package bot

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Panicked says what a recovered panic was, and where, for the log. Its value may
// quote what somebody typed, or a secret, so that only its type is named; what the
// runtime says of its own errors is types, lengths and indexes.
func Panicked(value any) (what, stack string) {
	what = fmt.Sprintf("%T", value)
	if err, ok := value.(runtime.Error); ok {
		what = err.Error()
	}
	return what, string(debug.Stack())
}
