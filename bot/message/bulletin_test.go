package message

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
)

// asGolden is a message under a name, for a golden file.
func asGolden(name string, m bot.Message) golden { return golden{name, m.Text, blocksOf(m)} }

// freezeMessages are all messages about a freeze, step by step.
func freezeMessages() []golden {
	const home = "C0CARDS"
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
	endedAlone := over
	endedAlone.Votes = over.Votes[:1]
	timeUp := voted
	timeUp.EndedAt = f.Until
	shut := v
	shut.Shut, shut.Told = bot.ChannelArchived, []string{bottest.Alice}
	alone := shut
	alone.Told = nil
	direct := func(f *bot.Freeze, v View, reader string, places ...string) bot.Message {
		o := Bulletin{Notice: bot.Notice{Freeze: 1}, Home: home, Freeze: f, V: v, Places: map[string]bot.NoticePlace{}}
		for _, to := range places {
			o.Places[to] = bot.NoticePlace{To: to, Channel: to, TS: "1.1"}
		}
		return o.Says(reader)
	}
	return []golden{
		asGolden("answer", FrozenNow(&f)),
		asGolden("answer to a vote", ThawAnswer(&voted, authz.Decision{Allowed: true, Have: 1, Need: 2})),
		asGolden("answer to the last vote", ThawAnswer(&over, authz.Decision{Allowed: true, Have: 2, Need: 2})),
		asGolden("on", direct(&f, v, home)),
		asGolden("a vote", direct(&voted, v, home, home)),
		asGolden("a vote rings", freezeNews(&voted, v)),
		asGolden("over", direct(&over, v, home, home)),
		asGolden("one person ended it", direct(&endedAlone, v, home, home)),
		asGolden("its time was up", direct(&timeUp, v, home, home)),
		asGolden("over before it could be posted", direct(&over, v, home)),
		asGolden("in a former channel", direct(&f, v, "C0FORMER", home, "C0FORMER")),
		asGolden("to an approver", direct(&f, shut, bottest.Alice)),
		asGolden("to who froze", direct(&f, shut, bottest.Dave, bottest.Alice)),
		asGolden("to who froze, and nobody else could be told", direct(&f, alone, bottest.Dave)),
		asGolden("to an approver, the channel is open again", direct(&f, v, bottest.Alice, home)),
		asGolden("to an approver, and it is over", direct(&over, shut, bottest.Alice, home, bottest.Alice)),
		asGolden("the form did not open", UnfreezeNotOpened(false)),
		asGolden("the form may have opened", UnfreezeNotOpened(true)),
		asGolden("the form is too old", UnfreezeFormTooOld()),
		asGolden("a copy of the notice", NoticeRefusal(false)),
		asGolden("the place of the notice is not stored yet", NoticeRefusal(true)),
	}
}

// unfreezeForms are the forms that end a freeze, in each state.
func unfreezeForms() map[string]Modal {
	begun := bot.Freeze{
		ID: 1, Version: 1, By: authz.Asker{SlackID: bottest.Dave}, BeganAt: bottest.AskedAt, Until: bottest.AskedAt.Add(time.Hour),
		Reason: "*too many* at once <!channel>",
	}
	votes := func(ids ...string) *bot.Freeze {
		f := begun
		for _, id := range ids {
			f.Version++
			f.Votes = append(f.Votes, authz.Asker{SlackID: id})
		}
		return &f
	}
	policy := authz.New(bottest.Alice, bottest.Dave)
	trusting := policy
	trusting.Freeze.Unfreeze = authz.Circle{bottest.Bob, "S0SECURITY"}
	form := func(f *bot.Freeze, have, need int, p *authz.Policy) Modal {
		return UnfreezeForm(Unfreezing{f, authz.Decision{Allowed: true, Have: have, Need: need}, bottest.Alice, p}, 42)
	}
	return map[string]Modal{
		"first of two":                        form(votes(), 1, 2, &policy),
		"second of two":                       form(votes(bottest.Dave), 2, 2, &policy),
		"alone":                               form(votes(), 1, 1, &policy),
		"alone, after another asked":          form(votes(bottest.Dave), 1, 1, &trusting),
		"first of two, or one alone":          form(votes(), 1, 2, &trusting),
		"who asked before counts no more":     form(votes(bottest.Dave), 1, 2, &policy),
		"one of two who asked counts no more": form(votes(bottest.Dave, bottest.Bob), 2, 2, &policy),
	}
}

// A form says what its own click does, and each of its buttons does.
func TestUnfreezeForm_SaysWhatThisClickDoes(t *testing.T) {
	for name, form := range unfreezeForms() {
		text := shownBlocks(t, bot.Message{Blocks: encoded(form.Blocks.BlockSet)})
		ends := strings.Contains(text, "This ends the freeze now.")
		asks := strings.Contains(text, "This only asks to end the freeze.")
		want := map[bool]string{true: "End the freeze", false: "Ask to end the freeze"}[ends]
		if ends == asks || form.Submit.Text != want || form.Title.Text != want {
			t.Errorf("%s: the button is %q, the title is %q, and the form says %s", name, form.Submit.Text, form.Title.Text, text)
		}
		if ends != strings.HasSuffix(form.PrivateMetadata, " End the freeze") {
			t.Errorf("%s: the submission carries %q", name, form.PrivateMetadata)
		}
	}
}

// Slack opens each form, however many people there are and whatever was typed, and shows
// the reason as typed.
func TestUnfreezeForm_SlackOpensEach(t *testing.T) {
	s := bottest.PostedAll(t)
	a := connected(t, s)
	open := func(name string, form Modal) {
		t.Helper()
		trigger, _ := bottest.Typed(t, s, bottest.Alice, "")
		if _, err := a.OpenForm(bottest.Deadline(t), bot.Secret(trigger), form); err != nil {
			t.Fatalf("%s: %v", name, explain(err))
		}
		for _, b := range form.Blocks.BlockSet {
			if b.BlockType() != slack.MBTRichText {
				t.Errorf("%s has a block %s", name, b.BlockType())
			}
		}
	}
	for name, form := range unfreezeForms() {
		open(name, form)
	}
	own := []string{bottest.Alice, bottest.Dave}
	for name, text := range bottest.Hostile {
		f := bot.Freeze{ID: 1, Until: bottest.AskedAt, By: authz.Asker{SlackID: bottest.Dave}, Reason: bot.Clean(text, bot.MaxReason)}
		policy := authz.New(bottest.Alice)
		policy.Freeze.Unfreeze = many(500, "U0TRUSTED%04d")
		u := Unfreezing{&f, authz.Decision{Allowed: true, Have: 1, Need: 2}, bottest.Alice, &policy}
		for _, id := range many(500, "U0APPROVER%04d") {
			f.Votes = append(f.Votes, authz.Asker{SlackID: id})
		}
		open(name, UnfreezeForm(u, 42))
		f.Votes, policy.Freeze.Unfreeze = nil, nil
		for what, m := range map[string]bot.Message{
			"form":   {Text: "x", Blocks: encoded(UnfreezeForm(u, 42).Blocks.BlockSet)},
			"notice": (&Bulletin{Home: "C0CARDS", Freeze: &f, V: View{Approvers: own}}).Says("C0CARDS"),
		} {
			if problem := inertProblem(s, shownBySlack(t, s, a, saying{key: what, m: m}), own); problem != "" {
				t.Errorf("%s, %s: %s", what, name, problem)
			}
		}
	}
}

// Any step of the freeze, and any change of what the click does, is another promise.
func TestUnfreezing_PromiseNamesTheStateOfTheFreeze(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range []bot.Freeze{{ID: 1, Version: 1}, {ID: 1, Version: 2}, {ID: 2, Version: 1}} {
		for need := range 2 {
			seen[Unfreezing{Freeze: &f, Decision: authz.Decision{Allowed: true, Have: 1, Need: need + 1}}.Promise()] = true
		}
	}
	if len(seen) != 6 {
		t.Errorf("six states have the promises %v", slices.Sorted(maps.Keys(seen)))
	}
}

// Only the live notice, and the direct messages, end a freeze.
func TestBulletin_ButtonIsOnTheLiveNotice(t *testing.T) {
	on := bot.Freeze{ID: 7, By: authz.Asker{SlackID: bottest.Dave}, Until: bottest.AskedAt}
	over := on
	over.EndedAt = bottest.AskedAt
	for _, tt := range []struct {
		name   string
		freeze *bot.Freeze
		to     string
		value  string
	}{
		{"the approvers' channel", &on, "C0CARDS", "7"},
		{"a direct message", &on, bottest.Alice, "7"},
		{"a former channel", &on, "C0FORMER", ""},
		{"the freeze is over", &over, "C0CARDS", ""},
		{"a direct message, and the freeze is over", &over, bottest.Alice, ""},
		{"a notice about something else", nil, "C0CARDS", ""},
	} {
		o := Bulletin{Notice: bot.Notice{Message: Note("x")}, Home: "C0CARDS", Freeze: tt.freeze, Places: map[string]bot.NoticePlace{}}
		value := ""
		for _, b := range buttonsOf(t, o.Says(tt.to)) {
			if value += b.Value; b.ActionID != bot.ActionUnfreeze || b.Text != "End the freeze" {
				t.Errorf("%s: the button is %+v", tt.name, b)
			}
		}
		if value != tt.value {
			t.Errorf("%s: its buttons carry %q, want %q", tt.name, value, tt.value)
		}
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
