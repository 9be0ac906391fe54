package bot

import (
	"slices"
	"testing"
	"time"

	"revoke-sessions/authz"
)

// asGolden is a message under a name, for a golden file.
func asGolden(name string, m Message) golden { return golden{name, m.Text, blocksOf(m)} }

// freezeMessages are all that is said of a freeze, step by step.
func freezeMessages() []golden {
	v := newScene("", Pending).v
	f := Freeze{ID: 1, By: authz.Asker{SlackID: dave}, BeganAt: askedAt, Until: askedAt.Add(time.Hour), Reason: "too many at once"}
	voted := f
	voted.Votes, voted.Have, voted.Need = []authz.Asker{{SlackID: alice}}, 1, 2
	over := voted
	over.Votes, over.Have, over.EndedAt = append(slices.Clone(voted.Votes), authz.Asker{SlackID: dave}), 2, askedAt.Add(10*time.Minute)
	timeUp := voted
	timeUp.EndedAt = f.Until
	shut := v
	shut.Shut, shut.Told = ChannelArchived, []string{alice}
	alone := shut
	alone.Told = nil
	direct := func(f *Freeze, v View, reader string, places ...string) Message {
		o := bulletin{Notice: Notice{Freeze: 1}, home: "C0CARDS", freeze: f, v: v, places: map[string]NoticePlace{}}
		for _, to := range places {
			o.places[to] = NoticePlace{To: to, Channel: to, TS: "1.1"}
		}
		return o.says(reader)
	}
	return []golden{
		asGolden("answer", FrozenNow(&f)),
		asGolden("answer to a vote", ThawAnswer(&voted, authz.Decision{Allowed: true, Have: 1, Need: 2})),
		asGolden("answer to the last vote", ThawAnswer(&over, authz.Decision{Allowed: true, Have: 2, Need: 2})),
		asGolden("on", FreezeNotice(&f, v, false)),
		asGolden("a vote", FreezeNotice(&voted, v, false)),
		asGolden("a vote rings", FreezeNews(&voted, v)),
		asGolden("over", FreezeNotice(&over, v, false)),
		asGolden("its time was up", FreezeNotice(&timeUp, v, false)),
		asGolden("over before it could be posted", FreezeNotice(&over, v, true)),
		asGolden("to an approver", direct(&f, shut, alice)),
		asGolden("to who froze", direct(&f, shut, dave, alice)),
		asGolden("to who froze, and nobody else could be told", direct(&f, alone, dave)),
		asGolden("to an approver, the channel is open again", direct(&f, v, alice, "C0CARDS")),
	}
}

// movedMessages are what is left in the channel of earlier.
func movedMessages() []golden {
	s, rehearsal := newScene("", Pending), newScene("", Pending, drill)
	return []golden{
		asGolden("card", MovedCard(&s.r, s.v)),
		asGolden("card of a drill", MovedCard(&rehearsal.r, rehearsal.v)),
		asGolden("outcome", MovedOutcome(&s.r, s.v)),
	}
}

// TestFreezeIsNoNewsForEver: what is posted, and what rings, once a freeze is over.
func TestFreezeIsNoNewsForEver(t *testing.T) {
	const home, former = "C0CARDS", "C0FORMER"
	f := Freeze{Votes: []authz.Asker{{SlackID: alice}}, BeganAt: askedAt, EndedAt: askedAt.Add(time.Minute)}
	for _, tt := range []struct {
		name       string
		stands     []string
		to         string
		after      time.Duration
		shut       ChannelProblem
		owed, ring bool
	}{
		{"nothing was posted: once for the record", nil, home, time.Hour, "", true, false},
		{"it stands: edited, and it rings while it is news", []string{home}, home, time.Minute, "", true, true},
		{"it stands: edited", []string{home}, home, newsFor, "", true, false},
		{"it stands in the channel of earlier", []string{former}, home, time.Minute, "", false, false},
		{"nobody read of the beginning", nil, dave, time.Minute, ChannelArchived, false, false},
		{"they read of it in the channel, which is shut now", []string{home}, dave, time.Minute, ChannelArchived, true, true},
		{"so long ago that it is no news", []string{home}, dave, newsFor, ChannelArchived, false, false},
		{"they read of it by direct message, and the channel is open", []string{dave}, dave, time.Minute, "", true, false},
	} {
		o := bulletin{Notice: Notice{Freeze: 1}, home: home, freeze: &f, places: map[string]NoticePlace{}, v: View{Shut: tt.shut}}
		for _, to := range tt.stands {
			o.places[to] = NoticePlace{To: to, Channel: to, TS: "1.1"}
		}
		now := f.EndedAt.Add(tt.after)
		if got := o.owes(tt.to, now); got != tt.owed {
			t.Errorf("%s: owed %v, want %v", tt.name, got, tt.owed)
		}
		if _, stands := o.places[tt.to]; stands {
			if _, got := o.news(tt.to, now); got != tt.ring {
				t.Errorf("%s: rings %v, want %v", tt.name, got, tt.ring)
			}
		}
	}
}
