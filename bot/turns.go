package bot

import (
	"slices"
	"time"
)

// turn says whose something is that waits for its turn, and how soon it goes.
type turn struct {
	// rank decides first: a lower one goes before a higher one.
	rank int
	// by is whose it is. Within a rank people take turns, so that whoever asked
	// for much waits behind whoever asked for little.
	by string
	// since is its age. Of one person the oldest goes first.
	since time.Time
}

// turns is what waits for the same thing, such as room in a channel, and in which
// order it gets it: by rank, and within a rank round robin by person. It is
// start-time fair queueing: the nth that one person has waiting goes n rounds after
// the first. The zero turns is empty.
type turns[K comparable] struct {
	waiting map[K]turn
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

// len is how many wait.
func (q *turns[K]) len() int { return len(q.waiting) }

// wait has k wait for its turn, if it does not yet. What has become more or less
// urgent gets another place.
func (q *turns[K]) wait(k K, t turn) {
	if was, waits := q.waiting[k]; waits {
		if was.rank == t.rank && was.by == t.by {
			return
		}
		q.drop(k)
	}
	if q.waiting == nil {
		q.waiting, q.queues, q.rounds = map[K]turn{}, map[owner]*share[K]{}, map[int]int{}
	}
	at := owner{t.rank, t.by}
	own := q.queues[at]
	if own == nil {
		own = &share[K]{}
		q.queues[at] = own
	}
	if len(own.keys) == 0 {
		// Who was away has no turns saved up.
		own.round = max(own.round, q.rounds[t.rank])
	}
	i := len(own.keys)
	for i > 0 && q.waiting[own.keys[i-1]].since.After(t.since) {
		i--
	}
	own.keys = slices.Insert(own.keys, i, k)
	q.waiting[k] = t
}

// ahead is how many go before k, which waits.
func (q *turns[K]) ahead(k K) (n int) {
	t := q.waiting[k]
	at := owner{t.rank, t.by}
	before := slices.Index(q.queues[at].keys, k)
	round := q.queues[at].round + before
	n = before
	for other, theirs := range q.queues {
		switch {
		case other.rank > t.rank || other == at:
		case other.rank < t.rank:
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
func goesFirst(a, b turn) bool {
	if !a.since.Equal(b.since) {
		return a.since.Before(b.since)
	}
	return a.by < b.by
}

// first is what goes next.
func (q *turns[K]) first() (k K, any bool) {
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

// oldest is what has the earliest since.
func (q *turns[K]) oldest() (k K, any bool) {
	for _, own := range q.queues {
		if len(own.keys) > 0 && (!any || q.waiting[own.keys[0]].since.Before(q.waiting[k].since)) {
			k, any = own.keys[0], true
		}
	}
	return k, any
}

// last is the newest of whoever has most waiting: what costs least to leave out.
func (q *turns[K]) last() (k K) {
	most, best := 0, owner{}
	for at, own := range q.queues {
		n := len(own.keys)
		if n > most || n == most && n > 0 && (at.rank > best.rank || at.rank == best.rank && at.by > best.by) {
			most, best, k = n, at, own.keys[n-1]
		}
	}
	return k
}

// done takes k out, which has had its turn.
func (q *turns[K]) done(k K) {
	t, waits := q.waiting[k]
	if !waits {
		return
	}
	own := q.queues[owner{t.rank, t.by}]
	q.rounds[t.rank] = max(q.rounds[t.rank], own.round)
	own.round++
	q.drop(k)
}

// drop takes k out without a turn.
func (q *turns[K]) drop(k K) {
	t, waits := q.waiting[k]
	if !waits {
		return
	}
	delete(q.waiting, k)
	own := q.queues[owner{t.rank, t.by}]
	own.keys = slices.DeleteFunc(own.keys, func(other K) bool { return other == k })
	if len(q.waiting) == 0 {
		// Nobody waits, so nobody is before anybody.
		clear(q.queues)
		clear(q.rounds)
	}
}
