package bot

import (
	"time"
)

// Census counts the unfinished work in a store.
type Census struct {
	// Pending counts requests that wait for a decision, by age. Each element counts
	// those younger than the PendingAges element at its index, but not younger than the
	// one before; the last counts the rest. Drills are left out.
	Pending [len(PendingAges) + 1]int
	// Owing counts, by state, requests that are due now or later, or have a change that
	// their people were not told yet.
	Owing map[State]int
	// Overdue counts rows that were due more than OverdueAfter ago and are not done,
	// even if somebody works on them.
	Overdue Overdue
	// Stalled counts requests that the bot cannot advance.
	Stalled int
	// Head is the number of the last row of the audit chain.
	Head int64
	// Frozen: a freeze is on.
	Frozen bool
}

// Overdue counts rows by kind: acts to carry out, requests to advance, requests to tell
// people about, announcements.
type Overdue struct{ Arrivals, Requests, Telling, Notices int }

// PendingAges are the ages by which a Census sorts pending requests.
var PendingAges = [...]time.Duration{time.Minute, 10 * time.Minute, time.Hour}

// OverdueAfter is how late a row may be before a Census counts it. It is much longer
// than a claim, so that a process which took the row over has had time for it.
const OverdueAfter = time.Minute
