package bot

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Panicked describes a recovered panic and its place, for the log. Of the value it
// names only the type, because the value may quote typed text or a secret. Errors of
// the runtime are safe: they hold types, lengths and indexes.
func Panicked(value any) (what, stack string) {
	what = fmt.Sprintf("%T", value)
	if err, ok := value.(runtime.Error); ok {
		what = err.Error()
	}
	return what, string(debug.Stack())
}
