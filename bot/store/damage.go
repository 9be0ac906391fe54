package store

import (
	"context"
	"errors"
	"fmt"
)

// Kind is how a chain is broken, as far as it can be told.
type Kind string

// The kinds of Damage.
const (
	Changed       Kind = "changed"
	Removed       Kind = "removed"
	Inserted      Kind = "inserted"
	Reordered     Kind = "reordered"
	HeadDisagrees Kind = "head_disagrees"
	// AnchorMissing: the chain ends before the anchor's row.
	AnchorMissing Kind = "anchor_missing"
	// AnchorDiffers: the anchor's row has another hash.
	AnchorDiffers Kind = "anchor_differs"
)

// Damage is the error of a broken chain: the first row that does not fit, and why.
type Damage struct {
	Seq    int64
	Kind   Kind
	detail string
}

func (d *Damage) Error() string {
	return fmt.Sprintf("the audit chain does not fit at row %d: %s", d.Seq, d.detail)
}

func damaged(seq int64, k Kind, format string, args ...any) *Damage {
	return &Damage{seq, k, fmt.Sprintf(format, args...)}
}

// maxGap is how many removed rows, with the later ones renumbered, can be told from a
// change of contents.
const maxGap = 10_000

// diagnose describes what may have happened to bad, the first row that does not follow
// last. It reads the table again and tries which row fits where. If it cannot tell, it
// reports Changed.
func (c *chain) diagnose(ctx context.Context, last Anchor, bad stored, head Anchor) error {
	k := clues{last: last, bad: bad}
	err := c.scan(ctx, func(r stored) error { k.note(r); return nil }, nil)
	if err != nil && !errors.Is(err, errUnreadable) {
		return err
	}
	if d := k.misplaced(); d != nil {
		return d
	}
	return k.altered(head)
}

// clues are what the other rows reveal about bad.
type clues struct {
	last Anchor
	bad  stored

	twin      *stored // another row with the same contents and hash
	rightful  *stored // the row that belongs in bad's place but is elsewhere
	lender    *stored // the row whose contents bad's hash covers
	belongs   bool    // bad belongs after some other row
	following *stored // the row after bad
}

// note compares one row of the table with bad.
func (k *clues) note(r stored) {
	if r.seq == k.bad.seq+1 {
		k.following = &r
	}
	if k.bad.linked(Anchor{r.seq, r.hash}) == k.bad.hash {
		k.belongs = true
	}
	if r.seq == k.bad.seq {
		return
	}
	switch should := r.linked(k.last); {
	case r.entry == k.bad.entry && r.hash == k.bad.hash:
		k.twin = &r
	case r.hash == should && r.seq != k.last.Seq+1:
		k.rightful = &r
	case k.bad.hash == should:
		k.lender = &r
	}
}

// misplaced describes rows that are in the wrong place; nil if there are none.
func (k *clues) misplaced() *Damage {
	bad, last, rightful, belongs := k.bad, k.last, k.rightful, k.belongs
	want := last.Seq + 1
	if rightful != nil && bad.linked(Anchor{want, rightful.hash}) == bad.hash {
		belongs = true // bad belongs right after the row whose place it took
	}
	switch {
	case bad.seq != want && bad.hash == bad.linked(last):
		return damaged(want, Reordered, "it is now row %d", bad.seq)
	case bad.seq != want && rightful != nil:
		return damaged(want, Reordered, "it is now row %d", rightful.seq)
	case bad.seq < want:
		return damaged(bad.seq, Inserted, "no row can have that number")
	case bad.seq == want+1:
		return damaged(want, Removed, "it is missing")
	case bad.seq > want:
		return damaged(want, Removed, "rows %d to %d are missing", want, bad.seq-1)
	case k.twin != nil:
		return damaged(want, Inserted, "a copy of row %d is in its place", k.twin.seq)
	case rightful != nil && belongs:
		return damaged(want, Reordered, "another row is in its place, and the row that belongs here is now row %d", rightful.seq)
	case rightful != nil:
		return damaged(want, Inserted, "a row that fits nowhere is in its place, and the row that belongs here is now row %d", rightful.seq)
	case k.lender != nil:
		return damaged(want, Reordered, "the contents that belong here are in row %d", k.lender.seq)
	case bad.hash == bad.linked(last):
		return damaged(want, Changed, "its request was changed, or its contents cannot be read")
	}
	return nil
}

// altered describes what was changed in a row that is in its place.
func (k *clues) altered(head Anchor) *Damage {
	bad, last, following := k.bad, k.last, k.following
	want := last.Seq + 1
	// A hash is confirmed by the following row, or by the head.
	vouched := func(hash string) bool {
		if following == nil {
			return head == Anchor{want, hash}
		}
		return following.hash == following.linked(Anchor{want, hash})
	}
	switch {
	case vouched(bad.hash) && want == 1:
		return damaged(want, Changed, "its contents were changed")
	case vouched(bad.hash):
		return damaged(want, Changed, "its contents were changed, or row %d was changed and got a new hash", last.Seq)
	case vouched(bad.linked(last)):
		return damaged(want, Changed, "its hash was changed")
	case head == last:
		return damaged(want, Inserted, "it was added past the chain's head")
	}
	for gap := int64(1); following != nil && gap <= maxGap; gap++ {
		if following.hash == following.linked(Anchor{want + gap, bad.hash}) {
			return damaged(want, Removed, "the rows that belong here are missing (rows removed: %d), and later rows got lower numbers", gap)
		}
	}
	return damaged(want, Changed, "its contents or its hash were changed, or it was removed or replaced")
}
