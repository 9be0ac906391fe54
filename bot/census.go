package bot

import (
	"time"
)

// Census is what a store holds that is not over, counted.
type Census struct {
	// Pending counts requests that wait for a decision, by age: as many as are
	// younger than each of PendingAges and not younger than the one before it,
	// and last those that are older than all. Drills are not in it.
	Pending [len(PendingAges) + 1]int
	// Owing counts requests that want attention, now or later, or whose people
	// have not read of their last change.
	Owing map[State]int
	// Overdue counts rows that were due more than OverdueAfter ago and are not
	// done, whoever is at them.
	Overdue Overdue
	// Stalled counts requests that the bot cannot go on with.
	Stalled int
	// Head is the number of the last row of the audit chain.
	Head int64
	// Frozen: a freeze is on.
	Frozen bool
}

// Overdue counts rows by what they are: acts to carry out, requests to drive
// on, requests whose people are to be told, announcements.
type Overdue struct{ Arrivals, Requests, Telling, Notices int }

// PendingAges are the ages by which a Census sorts pending requests.
var PendingAges = [...]time.Duration{time.Minute, 10 * time.Minute, time.Hour}

// OverdueAfter is how late a row may be before a Census counts it: much longer
// than a claim, so that whatever took it over has had its time.
const OverdueAfter = time.Minute
