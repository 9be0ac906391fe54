package turns

import (
	"slices"
	"time"
)

// Turn says whose something is that waits for its turn, and how soon it goes.
type Turn struct {
	// Rank decides first: a lower one goes before a higher one.
	Rank int
	// By is whose it is. Within a rank people take turns, so that whoever asked
	// for much waits behind whoever asked for little.
	By string
	// Since is its age. Of one person the oldest goes first.
	Since time.Time
}

// Queue is what waits for the same thing, such as room in a channel, and in which
// order it gets it: by rank, and within a rank round robin by person. It is
// start-time fair queueing: the nth that one person has waiting goes n rounds after
// the first. The zero turns is empty.
type Queue[K comparable] struct {
	waiting map[K]Turn
	queues  map[owner]*share[K]
	rounds  map[int]int // of each rank: the round of what had its turn last
}

// owner is whose queue it is, and of which rank.
type owner struct {
	rank int
	by   string
}

// share is what one person has waiting in one rank, oldest first.
type share[K comparable] struct {
	round int // of the first
	keys  []K
}

// Len is how many wait.
func (q *Queue[K]) Len() int { return len(q.waiting) }

// Wait has k wait for its turn, if it does not yet. What has become more or less
// urgent gets another place.
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
		// Who was away has no turns saved up.
		own.round = max(own.round, q.rounds[t.Rank])
	}
	i := len(own.keys)
	for i > 0 && q.waiting[own.keys[i-1]].Since.After(t.Since) {
		i--
	}
	own.keys = slices.Insert(own.keys, i, k)
	q.waiting[k] = t
}

// Ahead is how many go before k, which waits.
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

// goesFirst decides between two of the same rank and round.
func goesFirst(a, b Turn) bool {
	if !a.Since.Equal(b.Since) {
		return a.Since.Before(b.Since)
	}
	return a.By < b.By
}

// First is what goes next.
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

// Oldest is what has the earliest since.
func (q *Queue[K]) Oldest() (k K, any bool) {
	for _, own := range q.queues {
		if len(own.keys) > 0 && (!any || q.waiting[own.keys[0]].Since.Before(q.waiting[k].Since)) {
			k, any = own.keys[0], true
		}
	}
	return k, any
}

// Last is the newest of whoever has most waiting: what costs least to leave out.
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

// Done takes k out, which has had its turn.
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

// Drop takes k out without a turn.
func (q *Queue[K]) Drop(k K) {
	t, waits := q.waiting[k]
	if !waits {
		return
	}
	delete(q.waiting, k)
	own := q.queues[owner{t.Rank, t.By}]
	own.keys = slices.DeleteFunc(own.keys, func(other K) bool { return other == k })
	if len(q.waiting) == 0 {
		// Nobody waits, so nobody is before anybody.
		clear(q.queues)
		clear(q.rounds)
	}
}
