package bot

import (
	"time"
)

// Meter counts what the bot does; bot/metrics implements it. Its methods return at once
// and may be called from any goroutine.
type Meter interface {
	// Changed: r was stored with rows, which are those of r and of requests that began
	// or ended with it.
	Changed(r *Request, rows []Entry, at time.Time)
	// Refused: somebody was refused what the row names.
	Refused(row *Entry)
}

// Unmetered is a Meter that counts nothing.
type Unmetered struct{}

func (Unmetered) Changed(*Request, []Entry, time.Time) {}

func (Unmetered) Refused(*Entry) {}
