package message

import (
	"slices"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
)

// asGolden is a message under a name, for a golden file.
func asGolden(name string, m bot.Message) golden { return golden{name, m.Text, blocksOf(m)} }

// freezeMessages are all messages about a freeze, step by step.
func freezeMessages() []golden {
	v := newScene("", bot.Pending).v
	f := bot.Freeze{
		ID: 1, By: authz.Asker{SlackID: bottest.Dave}, BeganAt: bottest.AskedAt, Until: bottest.AskedAt.Add(time.Hour),
		Reason: "too many at once",
	}
	voted := f
	voted.Votes, voted.Have, voted.Need = []authz.Asker{{SlackID: bottest.Alice}}, 1, 2
	over := voted
	over.Votes = append(slices.Clone(voted.Votes), authz.Asker{SlackID: bottest.Dave})
	over.Have, over.EndedAt = 2, bottest.AskedAt.Add(10*time.Minute)
	timeUp := voted
	timeUp.EndedAt = f.Until
	shut := v
	shut.Shut, shut.Told = bot.ChannelArchived, []string{bottest.Alice}
	alone := shut
	alone.Told = nil
	direct := func(f *bot.Freeze, v View, reader string, places ...string) bot.Message {
		o := Bulletin{Notice: bot.Notice{Freeze: 1}, Home: "C0CARDS", Freeze: f, V: v, Places: map[string]bot.NoticePlace{}}
		for _, to := range places {
			o.Places[to] = bot.NoticePlace{To: to, Channel: to, TS: "1.1"}
		}
		return o.Says(reader)
	}
	return []golden{
		asGolden("answer", FrozenNow(&f)),
		asGolden("answer to a vote", ThawAnswer(&voted, authz.Decision{Allowed: true, Have: 1, Need: 2})),
		asGolden("answer to the last vote", ThawAnswer(&over, authz.Decision{Allowed: true, Have: 2, Need: 2})),
		asGolden("on", freezeNotice(&f, v, false)),
		asGolden("a vote", freezeNotice(&voted, v, false)),
		asGolden("a vote rings", freezeNews(&voted, v)),
		asGolden("over", freezeNotice(&over, v, false)),
		asGolden("its time was up", freezeNotice(&timeUp, v, false)),
		asGolden("over before it could be posted", freezeNotice(&over, v, true)),
		asGolden("to an approver", direct(&f, shut, bottest.Alice)),
		asGolden("to who froze", direct(&f, shut, bottest.Dave, bottest.Alice)),
		asGolden("to who froze, and nobody else could be told", direct(&f, alone, bottest.Dave)),
		asGolden("to an approver, the channel is open again", direct(&f, v, bottest.Alice, "C0CARDS")),
	}
}

// movedMessages stay in the former channel.
func movedMessages() []golden {
	s, rehearsal := newScene("", bot.Pending), newScene("", bot.Pending, drill)
	return []golden{
		asGolden("card", movedCard(&s.r, s.v)),
		asGolden("card of a drill", movedCard(&rehearsal.r, rehearsal.v)),
		asGolden("outcome", movedOutcome(&s.r, s.v)),
	}
}

// The notice, and its news, once a freeze is over.
func TestBulletin_FreezeIsNewsForAWhile(t *testing.T) {
	const home, former = "C0CARDS", "C0FORMER"
	f := bot.Freeze{Votes: []authz.Asker{{SlackID: bottest.Alice}}, BeganAt: bottest.AskedAt, EndedAt: bottest.AskedAt.Add(time.Minute)}
	for _, tt := range []struct {
		name       string
		stands     []string
		to         string
		after      time.Duration
		shut       bot.ChannelProblem
		owed, ring bool
	}{
		{"nothing was posted: once for the record", nil, home, time.Hour, "", true, false},
		{"it stands: edited, and it rings while it is news", []string{home}, home, time.Minute, "", true, true},
		{"it stands: edited", []string{home}, home, newsFor, "", true, false},
		{"it stands in the channel of earlier", []string{former}, home, time.Minute, "", false, false},
		{"nobody read of the beginning", nil, bottest.Dave, time.Minute, bot.ChannelArchived, false, false},
		{"they read of it in the channel, which is shut now", []string{home}, bottest.Dave, time.Minute, bot.ChannelArchived, true, true},
		{"so long ago that it is no news", []string{home}, bottest.Dave, newsFor, bot.ChannelArchived, false, false},
		{"they read of it by direct message, and the channel is open", []string{bottest.Dave}, bottest.Dave, time.Minute, "", true, false},
	} {
		o := Bulletin{Notice: bot.Notice{Freeze: 1}, Home: home, Freeze: &f, Places: map[string]bot.NoticePlace{}, V: View{Shut: tt.shut}}
		for _, to := range tt.stands {
			o.Places[to] = bot.NoticePlace{To: to, Channel: to, TS: "1.1"}
		}
		now := f.EndedAt.Add(tt.after)
		if got := o.Owes(tt.to, now); got != tt.owed {
			t.Errorf("%s: owed %v, want %v", tt.name, got, tt.owed)
		}
		if _, stands := o.Places[tt.to]; stands {
			if _, got := o.News(tt.to, now); got != tt.ring {
				t.Errorf("%s: rings %v, want %v", tt.name, got, tt.ring)
			}
		}
	}
}
