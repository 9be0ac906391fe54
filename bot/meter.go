package bot

import (
	"time"
)

// Meter counts what the bot does; bot/metrics is one. Its methods return at
// once and are called from any goroutine.
type Meter interface {
	// Changed: r and its rows were stored. The rows are those of r, and of
	// requests that came or ended with it.
	Changed(r *Request, rows []Entry, at time.Time)
	// Refused: somebody was not allowed what the row names.
	Refused(row *Entry)
}

// Unmetered is a Meter that counts nothing.
type Unmetered struct{}

func (Unmetered) Changed(*Request, []Entry, time.Time) {}

func (Unmetered) Refused(*Entry) {}
