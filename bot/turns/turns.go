// Package turns decides who goes next when many people wait for the same thing: by
// rank, and round robin by person within a rank. It knows no clock, store or Slack.
package turns

import (
	"slices"
	"time"
)

// Turn is the place of one waiting item: whose it is and how urgent.
type Turn struct {
	// Rank decides first: a lower rank goes before a higher one.
	Rank int
	// By is the owner. Within a rank, owners take turns, so that a person with many
	// items waits behind a person with few.
	By string
	// Since is when the item began to wait. An owner's oldest item goes first.
	Since time.Time
}

// Queue orders the items that wait for the same thing, such as room in a channel: by
// rank, and round robin by owner within a rank. It is start-time fair queueing: an
// owner's nth item goes n rounds after the first. The zero Queue is empty.
type Queue[K comparable] struct {
	waiting map[K]Turn
	queues  map[owner]*share[K]
	rounds  map[int]int // by rank: the round of the last item served
}

// owner identifies one person's items in one rank.
type owner struct {
	rank int
	by   string
}

// share holds one owner's items in one rank, oldest first.
type share[K comparable] struct {
	round int // of the first item
	keys  []K
}

// Len is the number of waiting items.
func (q *Queue[K]) Len() int { return len(q.waiting) }

// Wait adds k if it does not wait yet. If its rank or owner changed, it moves.
func (q *Queue[K]) Wait(k K, t Turn) {
	if was, waits := q.waiting[k]; waits {
		if was.Rank == t.Rank && was.By == t.By {
			return
		}
		q.Drop(k)
	}
	if q.waiting == nil {
		q.waiting, q.queues, q.rounds = map[K]Turn{}, map[owner]*share[K]{}, map[int]int{}
	}
	at := owner{t.Rank, t.By}
	own := q.queues[at]
	if own == nil {
		own = &share[K]{}
		q.queues[at] = own
	}
	if len(own.keys) == 0 {
		// Nobody saves up turns while away.
		own.round = max(own.round, q.rounds[t.Rank])
	}
	i := len(own.keys)
	for i > 0 && q.waiting[own.keys[i-1]].Since.After(t.Since) {
		i--
	}
	own.keys = slices.Insert(own.keys, i, k)
	q.waiting[k] = t
}

// Ahead is how many items go before k, which must be waiting.
func (q *Queue[K]) Ahead(k K) (n int) {
	t := q.waiting[k]
	at := owner{t.Rank, t.By}
	before := slices.Index(q.queues[at].keys, k)
	round := q.queues[at].round + before
	n = before
	for other, theirs := range q.queues {
		switch {
		case other.rank > t.Rank || other == at:
		case other.rank < t.Rank:
			n += len(theirs.keys)
		default:
			earlier := min(max(round-theirs.round, 0), len(theirs.keys))
			n += earlier
			if theirs.round <= round && earlier < len(theirs.keys) && goesFirst(q.waiting[theirs.keys[earlier]], t) {
				n++
			}
		}
	}
	return n
}

// goesFirst reports whether a goes before b, which has the same rank and round.
func goesFirst(a, b Turn) bool {
	if !a.Since.Equal(b.Since) {
		return a.Since.Before(b.Since)
	}
	return a.By < b.By
}

// First is the item that goes next; any is false if nothing waits.
func (q *Queue[K]) First() (k K, any bool) {
	var best owner
	for at, own := range q.queues {
		if len(own.keys) == 0 {
			continue
		}
		better := !any || at.rank < best.rank
		if any && at.rank == best.rank {
			so := q.queues[best]
			better = own.round < so.round || own.round == so.round && goesFirst(q.waiting[own.keys[0]], q.waiting[so.keys[0]])
		}
		if better {
			best, k, any = at, own.keys[0], true
		}
	}
	return k, any
}

// Oldest is the item with the earliest Since; any is false if nothing waits.
func (q *Queue[K]) Oldest() (k K, any bool) {
	for _, own := range q.queues {
		if len(own.keys) > 0 && (!any || q.waiting[own.keys[0]].Since.Before(q.waiting[k].Since)) {
			k, any = own.keys[0], true
		}
	}
	return k, any
}

// Last is the newest item of the owner who has most waiting: the cheapest to drop.
func (q *Queue[K]) Last() (k K) {
	most, best := 0, owner{}
	for at, own := range q.queues {
		n := len(own.keys)
		if n > most || n == most && n > 0 && (at.rank > best.rank || at.rank == best.rank && at.by > best.by) {
			most, best, k = n, at, own.keys[n-1]
		}
	}
	return k
}

// Done removes k after its turn.
func (q *Queue[K]) Done(k K) {
	t, waits := q.waiting[k]
	if !waits {
		return
	}
	own := q.queues[owner{t.Rank, t.By}]
	q.rounds[t.Rank] = max(q.rounds[t.Rank], own.round)
	own.round++
	q.Drop(k)
}

// Drop removes k without a turn.
func (q *Queue[K]) Drop(k K) {
	t, waits := q.waiting[k]
	if !waits {
		return
	}
	delete(q.waiting, k)
	own := q.queues[owner{t.Rank, t.By}]
	own.keys = slices.DeleteFunc(own.keys, func(other K) bool { return other == k })
	if len(q.waiting) == 0 {
		clear(q.queues)
		clear(q.rounds)
	}
}
