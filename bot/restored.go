package bot

import (
	"fmt"
	"time"
)

// StepBack says that the database has lost rows: it was restored from an older backup,
// or exchanged for another one.
type StepBack struct {
	// Seq and Hash are of a row of the chain that it once had. Head is the number of
	// its last row now.
	Seq, Head int64
	Hash      string
	// At is when the database was last seen with that row, by its own clock; zero if
	// that is not known.
	At time.Time
}

// Anchor is the row that the database once had.
func (s StepBack) Anchor() string { return fmt.Sprintf("%d:%s", s.Seq, s.Hash) }
