package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"revoke-sessions/bot"
	"revoke-sessions/bot/listen"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph/graphtest"
)

// TestStories plays testdata/stories: what people do and what they read, from
// the command to the result, through the production bot and both SDKs.
//
// The commands, with WHO a first name of the cast:
//
//	type WHO TEXT…             types /revoke-sessions TEXT
//	                           (REQ-THIS is the ID of the newest card's request)
//	press WHO BUTTON           presses it on the newest card as it first stood, there or not
//	replay                     Slack delivers the last click once more, in the same envelope and in another
//	click WHO BUTTON           presses a button of the live card: confirm, approve, deny, retry, approve_retry
//	details WHO WORDS…         presses Details, waits until the modal says all the words, and closes it
//	click-first WHO BUTTON     presses one on the oldest card, there or not
//	click-receipt WHO BUTTON   presses one on WHO's own receipt
//	click-notice WHO [dm]      presses End the freeze on the freeze's notice, or on WHO's direct message of it
//	agree WHO                  submits the form without fields that this has opened, or Cancel in the Home tab
//	submit WHO PICKED REASON   fills in the form that WHO has open; - for either keeps what is in the field
//	close WHO                  WHO closes their form
//	click-only WHO BUTTON      presses a button of the newest message that only WHO sees
//	manifest old               installs the app anew without Home tab and shortcuts; new: with the product's manifest.yml
//	door ACTION ORIGIN         the newest audit row of the action says that it came from there
//	tabs WHO N                 the bot has tried to publish just N Home tabs for WHO, once it is at rest
//	spoil WHO                  somebody else publishes another Home tab for WHO with the bot's token
//	home WHO                   opens the app's Home tab
//	press-home WHO BUTTON [REQ-THIS]  presses a button there: own, other, cancel
//	shortcut WHO               runs the shortcut "Report a lost device"
//	shortcut-on WHO general|thread|card WORDS…  runs "Revoke sessions of…" on the message that says the words
//	say WHO TEXT…              says something in #general; @bob is a mention
//	reply WHO TEXT…            says it in the thread of the first message there
//	alert TEXT…                another app says it in #general
//	order WHERE WORDS…         the words stand there in this order
//	opens WHO                  waits until that form stands open
//	why WHO REASON             fills in the form that WHO's Deny has opened
//	sees WHERE WORDS…          waits until one message says all the words;
//	                           WHERE is card (the channel), thread, dm:WHO, replies:WHO
//	                           (the threads there), only:WHO, form:WHO (the form that WHO has open, with its buttons),
//	                           home:WHO (the Home tab),
//	                           channel (the same as card, for pings), at:C… (another channel)
//	! sees WHERE WORDS…        no message there says them yet
//	gone WHERE WORDS…          waits until no message there says them any more
//	never WHERE WORDS…         no message there says them, in any version, up to the script's end
//	messages WHERE N           just N messages stand there, up to the script's end
//	buttons WHERE [BUTTON…]    waits until the live message has just these
//	posts N                    Graph got N revokes, and no more up to the next posts or the script's end
//	audited ACTION [N]         the chain verifies and has N rows (default 1) of it
//	refused REASON [N]         the same for refusals, by reason
//	pings WHERE WHO…           the live message really notifies just these
//	account WHO CHANGE…        changes Entra: guest, disabled, synced, restricted, stamped, signed-in, twin, gone, name=, mail=, upn=, alias=
//	slack WHO CHANGE…          changes Slack: guest, bot, deleted, stranger, team, unconfirmed, nomail, email=
//	graph FAULT…               status=503 retry-after=1 times=1 hang apply reset reads at=/end-of-a-read's-path lag=1s unreadable-after-post clear,
//	                           empty-pages=3 (before the first entry of each list) renew sign-in-hangs, or what the tenant has: premium, free
//	trouble METHOD FAULT…      Slack: error=code status=429 retry-after=1s body={} times=1 hang reset after, and of calls
//	                           to=CHANNEL with=WORDS in them only; clear [METHOD…]
//	calls METHOD CHANNEL N     the bot has made at most N such calls
//	erase                      somebody deletes the live card
//	later DURATION             moves everybody's clock, once the bot is at rest
//	pause DURATION             moves it at once, as if the bot had stood still
//	restart [NAME=VALUE…]      stops the bot in order and starts it again, with other settings;
//	                           REVOKE_CHANNEL makes the channel
//	tamper HOW [WHO]           changes the newest request's row in the database, past the bot: approved or
//	                           approval (by WHO), target (WHO), earnest, due
//	erased                     waits until the newest request's words are gone from the database
//	group S… WHO…              makes the Slack user group hold just these
//	entra-group GUID WHO…      the same for a group in Entra
//	role WHO NAME [none]       gives WHO a role in Entra, or takes it: global, readers
//	permission NAME [none]     grants the bot's app a Graph permission, or withdraws it
//	channel CHANGE             changes the approvers' channel: shared, archived, without, restored,
//	                           in WHO, out WHO; #general: private
//
// A file policy.yml in a story is the bot's policy, and settings holds further
// settings of it, NAME=VALUE; the cast's Entra object IDs
// are 00000000-0000-4000-8000-00000000000N in the order of newStage.
func TestStories(t *testing.T) {
	const folder = "testdata/stories"
	var played atomic.Int64
	t.Cleanup(func() { everyEffect(t, folder, int(played.Load())) })
	playAll(t, folder, func(th *theatre) {
		played.Add(1)
		th.at.witness = onList(th.t)
		th.begin()
	})
}

// TestStoriesOnPostgres plays the same on the other database.
func TestStoriesOnPostgres(t *testing.T) {
	postgres(t) // or all is skipped
	playAll(t, "testdata/stories", func(th *theatre) { th.onPostgres(); th.begin() })
}

// playAll plays every story of a folder on a stage of its own, which begin may
// set up further.
func playAll(t *testing.T, folder string, begin func(*theatre)) {
	testscript.Run(t, testscript.Params{
		Dir:                 folder,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			th := newTheatre(env.T().(testing.TB))
			if file := filepath.Join(env.WorkDir, "policy.yml"); exists(file) {
				th.policy = file
			}
			if text, err := os.ReadFile(filepath.Join(env.WorkDir, "settings")); err == nil {
				th.more = map[string]string{}
				for line := range strings.Lines(string(text)) {
					name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
					th.more[name] = value
				}
			}
			th.slack.AddUserGroup(slacktest.UserGroup{ID: "S0SECURITY", Handle: "security", Members: []string{aliceID, amirID}})
			th.entra.AddGroup(graphtest.Group{ID: entraGroup, DisplayName: "Security on call", Members: []string{th.entraID("alice"), th.entraID("amir")}})
			begin(th)
			env.Values[theatreKey{}] = th
			env.Defer(th.curtain)
			return nil
		},
		Cmds: storyCommands,
	})
}

var storyCommands = map[string]func(*testscript.TestScript, bool, []string){
	"type":          story((*theatre).types),
	"click":         story(func(th *theatre, _ bool, a []string) { th.click(cast(a[0]), "request."+a[1]) }),
	"press":         story((*theatre).press),
	"replay":        story((*theatre).replay),
	"click-receipt": story((*theatre).clickReceipt),
	"click-notice":  story((*theatre).clickNotice),
	"agree":         story((*theatre).agrees),
	"submit":        story((*theatre).submit),
	"close":         story((*theatre).closeForm),
	"click-only":    story((*theatre).clickOnly),
	"why":           story((*theatre).why),
	"manifest":      story((*theatre).manifest),
	"home":          story((*theatre).home),
	"order":         story((*theatre).order),
	"door":          story((*theatre).door),
	"tabs":          story((*theatre).tabs),
	"spoil":         story((*theatre).spoil),
	"press-home":    story((*theatre).pressHome),
	"shortcut":      story((*theatre).shortcut),
	"shortcut-on":   story((*theatre).shortcutOn),
	"say":           story((*theatre).say),
	"reply":         story((*theatre).reply),
	"alert":         story((*theatre).alert),
	"opens":         story(func(th *theatre, _ bool, a []string) { th.denyForm(cast(a[0])) }),
	"sees":          story((*theatre).sees),
	"gone":          story((*theatre).gone),
	"never":         story((*theatre).neverSees),
	"messages":      story((*theatre).messages),
	"buttons":       story((*theatre).buttons),
	"details":       story((*theatre).details),
	"posts":         story((*theatre).posts),
	"audited":       story((*theatre).audited),
	"refused":       story((*theatre).refusedFor),
	"pings":         story((*theatre).pings),
	"account":       story((*theatre).account),
	"slack":         story((*theatre).slackAccount),
	"graph":         story((*theatre).graphFault),
	"trouble":       story((*theatre).trouble),
	"calls":         story((*theatre).calls),
	"erase":         story((*theatre).erase),
	"later":         story((*theatre).later),
	"pause":         story((*theatre).pause),
	"click-first":   story((*theatre).clickFirst),
	"erased":        story((*theatre).erased),
	"group":         story((*theatre).group),
	"entra-group":   story((*theatre).entraGroup),
	"role":          story((*theatre).role),
	"permission":    story((*theatre).permission),
	"channel":       story((*theatre).channel),
	"restart":       story((*theatre).restarts),
	"tamper":        story((*theatre).changesRow),
}

type theatreKey struct{}

// entraGroup is a group of the stage's tenant: Alice and Amir.
const entraGroup = "00000000-0000-4000-8000-0000000000aa"

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func story(f func(*theatre, bool, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		th := ts.Value(theatreKey{}).(*theatre)
		// Whatever goes wrong is the script's failure, at the script's line.
		defer func(before testing.TB) { th.t = before }(th.t)
		th.t = scriptTB{th.t, ts}
		f(th, neg, args)
	}
}

// scriptTB reports failures through the script.
type scriptTB struct {
	testing.TB
	ts *testscript.TestScript
}

func (s scriptTB) Fatalf(format string, args ...any) { s.ts.Fatalf(format, args...) }
func (s scriptTB) Fatal(args ...any)                 { s.ts.Fatalf("%s", fmt.Sprint(args...)) }

func cast(name string) string { return "U0" + strings.ToUpper(name) }

// curtain stops the bot in order, which finishes what is under way, and then
// looks once more at what the script said must not happen.
func (th *theatre) curtain() {
	th.end()
	for _, check := range th.never {
		check()
	}
	if got := len(th.entra.Posts()); th.wantPosts != nil && got != *th.wantPosts {
		th.t.Errorf("at the end Graph had got %d POSTs, not %d", got, *th.wantPosts)
	}
}

func (th *theatre) types(_ bool, a []string) {
	words := strings.Join(a[1:], " ")
	if strings.Contains(words, "REQ-THIS") {
		words = strings.ReplaceAll(words, "REQ-THIS", th.requestID())
	}
	th.typed(cast(a[0]), words)
}

// requestID is in the value of every button the newest card ever had.
func (th *theatre) requestID() string {
	return th.requestOf(th.card())
}

func (th *theatre) requestOf(card slacktest.Message) string {
	for _, version := range th.slack.History(approvals, card.TS) {
		for _, b := range version.Buttons() {
			return b.Value
		}
	}
	th.t.Fatal("the card never had a button")
	return ""
}

func (th *theatre) press(_ bool, a []string) {
	th.pressOn(th.card(), a[0], a[1])
}

func (th *theatre) clickFirst(_ bool, a []string) {
	th.pressOn(th.cards()[0], a[0], a[1])
}

// pressOn presses a button that a card once had.
func (th *theatre) pressOn(card slacktest.Message, who, action string) {
	id := th.requestOf(card)
	th.last = th.slack.As(cast(who)).ClickRaw(func(c *slacktest.Click) {
		c.ChannelID, c.MessageTS, c.ActionID, c.Value = approvals, card.TS, "request."+action, id
	})
	th.acked(th.last)
}

func (th *theatre) erased(_ bool, _ []string) {
	id := th.requestID()
	db := th.reader()
	th.poll("the words are erased", func() bool {
		r, err := db.Request(context.Background(), id)
		if err != nil {
			th.t.Fatal(err)
		}
		return r.Words.Reason == "" && r.Words.UPN == "" && r.Words.Denied == ""
	})
	th.audit() // which verifies every link
}

func (th *theatre) group(_ bool, a []string) {
	th.slack.UpdateUserGroup(a[0], func(g *slacktest.UserGroup) {
		g.Members = nil
		for _, who := range a[1:] {
			g.Members = append(g.Members, cast(who))
		}
	})
}

func (th *theatre) entraGroup(_ bool, a []string) {
	var members []string
	for _, who := range a[1:] {
		members = append(members, th.entraID(who))
	}
	if !th.entra.SetMembers(a[0], members...) {
		th.t.Fatalf("there is no group %s", a[0])
	}
}

func (th *theatre) role(_ bool, a []string) {
	role, change := map[string]string{"global": graphtest.GlobalAdministrator, "readers": graphtest.DirectoryReaders}[a[1]], th.entra.AssignRole
	if len(a) > 2 {
		change = th.entra.UnassignRole
	}
	if !change(th.entraID(a[0]), role, "") {
		th.t.Fatalf("Entra does not change the role %s of %s", a[1], a[0])
	}
}

func (th *theatre) permission(_ bool, a []string) {
	if len(a) > 1 {
		th.entra.Withdraw(a[0])
		return
	}
	th.entra.Grant(a[0])
}

func (th *theatre) channel(_ bool, a []string) {
	if a[0] == "private" {
		th.slack.UpdateChannel(general, func(c *slacktest.Channel) { c.Private = true })
		return
	}
	th.slack.UpdateChannel(approvals, func(c *slacktest.Channel) {
		switch a[0] {
		case "in":
			c.Members = append(c.Members, cast(a[1]))
			return
		case "out":
			c.Members = slices.DeleteFunc(c.Members, func(id string) bool { return id == cast(a[1]) })
			return
		}
		c.ExtShared, c.Archived, c.BotIsMember = a[0] == "shared", a[0] == "archived", a[0] != "without"
	})
}

func (th *theatre) replay(_ bool, _ []string) {
	if th.last == nil {
		th.t.Fatal("nobody has clicked yet")
	}
	th.acked(th.last.Replay())
	th.acked(th.last.Redeliver())
}

// receipt is WHO's newest direct message that can be cancelled, or the newest.
func (th *theatre) clickReceipt(_ bool, a []string) {
	who, action := cast(a[0]), "request."+a[1]
	var receipt slacktest.Message
	th.until("the receipt has that button", func() bool {
		for _, m := range th.slack.DMs(who) {
			for _, b := range m.Buttons() {
				if b.ActionID == action {
					receipt = m
				}
			}
		}
		return receipt.TS != ""
	})
	th.acked(th.slack.As(who).Click(receipt.Channel, receipt.TS, action))
}

func (th *theatre) clickNotice(_ bool, a []string) {
	who, reader := cast(a[0]), ""
	if len(a) > 1 {
		reader = who
	}
	m := th.notice(reader)
	th.last = th.slack.As(who).Click(m.Channel, m.TS, bot.ActionUnfreeze)
	th.acked(th.last)
}

func (th *theatre) agrees(_ bool, a []string) {
	who := cast(a[0])
	var form slacktest.View
	th.until("a form without fields opens", func() bool {
		for _, v := range th.slack.Views(who) {
			form = v
		}
		return (form.CallbackID == bot.UnfreezeCallback || form.CallbackID == bot.CancelCallback) && form.SubmitLabel != ""
	})
	th.last = th.slack.As(who).Submit(form.ID, nil)
	th.acked(th.last)
}

func (th *theatre) submit(_ bool, a []string) {
	who, picked, reason := cast(a[0]), a[1], strings.Join(a[2:], " ")
	view := th.fillable(who, bot.FormCallback)
	values := slacktest.Values{}
	if reason != "-" {
		values[bot.FormReasonBlock] = map[string]string{bot.FormReasonAction: reason}
	}
	switch {
	case picked == "-":
	case strings.Contains(picked, "@"):
		values[bot.FormAccountBlock] = map[string]string{bot.FormAccountAction: picked}
	default:
		values[bot.FormTargetBlock] = map[string]string{bot.FormTargetAction: cast(picked)}
	}
	th.last = th.slack.As(who).Submit(view.ID, values)
	th.acked(th.last)
}

// fillable waits until somebody has such a form open that can be submitted.
func (th *theatre) fillable(who, callback string) (view slacktest.View) {
	th.t.Helper()
	th.until("a form "+callback+" is open", func() bool {
		for _, v := range th.slack.Views(who) {
			view = v
		}
		return view.CallbackID == callback && view.SubmitLabel != ""
	})
	return view
}

func (th *theatre) closeForm(_ bool, a []string) {
	for _, v := range th.slack.Views(cast(a[0])) {
		th.acked(th.slack.As(cast(a[0])).Close(v.ID))
	}
}

func (th *theatre) clickOnly(_ bool, a []string) {
	who, action := cast(a[0]), "request."+a[1]
	var m slacktest.Message
	th.until("a message that only one person sees has that button", func() bool {
		for _, e := range th.slack.Ephemerals(who) {
			if slices.ContainsFunc(e.Buttons(), func(b slacktest.Button) bool { return b.ActionID == action }) {
				m = e
			}
		}
		return m.TS != ""
	})
	th.last = th.slack.As(who).Click(m.Channel, m.TS, action)
	th.acked(th.last)
}

func (th *theatre) why(_ bool, a []string) {
	who := cast(a[0])
	view := th.denyForm(who)
	th.acked(th.slack.As(who).Submit(view.ID, slacktest.Values{bot.FormReasonBlock: {bot.FormReasonAction: a[1]}}))
}

func (th *theatre) denyForm(who string) slacktest.View {
	th.t.Helper()
	return th.fillable(who, bot.DenyCallback)
}

// stands lists the messages of a place.
func (th *theatre) stands(where string) []slacktest.Message {
	kind, name, _ := strings.Cut(where, ":")
	switch kind {
	case "card", "channel":
		return th.slack.Messages(approvals)
	case "thread":
		return th.replies(th.slack.Messages(approvals))
	case "at":
		return th.slack.Messages(name)
	case "dm":
		return th.slack.DMs(cast(name))
	case "replies":
		return th.replies(th.slack.DMs(cast(name)))
	case "form":
		var open []slacktest.Message
		for _, v := range th.slack.Views(cast(name)) {
			open = append(open, slacktest.Message{Text: v.Plain()})
		}
		return open
	case "home":
		if v, ok := th.slack.Home(cast(name)); ok {
			return []slacktest.Message{{Text: v.Plain()}}
		}
		return nil
	case "only":
		return th.slack.Ephemerals(cast(name))
	}
	th.t.Fatalf("no such place: %s", where)
	return nil
}

// replies are the messages in the threads under others.
func (th *theatre) replies(to []slacktest.Message) (all []slacktest.Message) {
	for _, first := range to {
		for _, m := range th.slack.Thread(first.Channel, first.TS) {
			if m.TS != first.TS {
				all = append(all, m)
			}
		}
	}
	return all
}

func (th *theatre) sees(neg bool, a []string) {
	where, words := a[0], mentioned(a[1:])
	if neg {
		th.says(where, words)()
	} else {
		th.until(fmt.Sprintf("%s says %q", where, words), func() bool {
			return slices.ContainsFunc(th.stands(where), func(m slacktest.Message) bool { return !m.Deleted && containsAll(plain(m), words) })
		})
	}
}

// mentioned lets a story write @bob where a reader sees Bob mentioned.
func mentioned(words []string) []string {
	var all []string
	for _, w := range words {
		all = append(all, castMentions.ReplaceAllStringFunc(w, func(m string) string { return "@" + cast(m[1:]) }))
	}
	return all
}

var castMentions = regexp.MustCompile(`@(bob|alice|amir|olga|carol)\b`)

func (th *theatre) gone(_ bool, a []string) {
	where, words := a[0], mentioned(a[1:])
	th.until(fmt.Sprintf("%s says no more %q", where, words), func() bool {
		return !slices.ContainsFunc(th.stands(where), func(m slacktest.Message) bool { return !m.Deleted && containsAll(plain(m), words) })
	})
}

func (th *theatre) neverSees(_ bool, a []string) {
	check := th.says(a[0], mentioned(a[1:]))
	check()
	th.never = append(th.never, check)
}

// says returns a check that fails if any version of any message says it.
func (th *theatre) says(where string, words []string) func() {
	return func() {
		for _, m := range th.stands(where) {
			for _, version := range append(th.slack.History(m.Channel, m.TS), m) {
				if containsAll(plain(version), words) {
					th.t.Fatalf("%s says %q: %s", where, words, plain(version))
				}
			}
		}
	}
}

func (th *theatre) messages(_ bool, a []string) {
	want, err := strconv.Atoi(a[1])
	if err != nil {
		th.t.Fatal(err)
	}
	check := func() {
		var texts []string
		for _, m := range th.stands(a[0]) {
			if !m.Deleted {
				texts = append(texts, plain(m))
			}
		}
		if len(texts) != want {
			th.t.Fatalf("%s holds %d messages, not %d:\n%s", a[0], len(texts), want, strings.Join(texts, "\n"))
		}
	}
	check()
	th.never = append(th.never, check)
}

func (th *theatre) buttons(_ bool, a []string) {
	var want []string
	for _, b := range a[1:] {
		if !strings.Contains(b, ".") {
			b = "request." + b
		}
		want = append(want, b)
	}
	th.until(fmt.Sprintf("%s has the buttons %q", a[0], want), func() bool {
		var have []string
		messages := th.stands(a[0])
		if a[0] == "card" {
			messages = th.cards()
		}
		for _, m := range messages {
			if m.Deleted || a[0] != "card" && len(m.Buttons()) == 0 {
				continue
			}
			have = nil
			for _, b := range m.Buttons() {
				have = append(have, b.ActionID)
			}
		}
		return slices.Equal(have, want)
	})
}

// details presses Details on the card, waits until the modal says all the words, or, with
// neg, shows something without any of them, and closes it.
func (th *theatre) details(neg bool, a []string) {
	who, words := cast(a[0]), mentioned(a[1:])
	th.click(who, bot.ActionDetails)
	var open []slacktest.View
	th.until(fmt.Sprintf("the details of %s say %q", a[0], words), func() bool {
		if open = th.slack.Views(who); len(open) != 1 {
			return false
		}
		shown := slacktest.Message{Blocks: open[0].Blocks}.Plain()
		if neg {
			return !strings.Contains(shown, "Loading") && !slices.ContainsFunc(words, func(s string) bool { return strings.Contains(shown, s) })
		}
		return containsAll(shown, words)
	})
	th.slack.As(who).Close(open[0].ID)
}

func (th *theatre) posts(_ bool, a []string) {
	want, err := strconv.Atoi(a[0])
	if err != nil {
		th.t.Fatal(err)
	}
	th.wantPosts = &want
	th.poll(fmt.Sprintf("Graph has got %d POSTs", want), func() bool { return len(th.entra.Posts()) >= want })
	if got := len(th.entra.Posts()); got != want {
		th.t.Fatalf("Graph got %d POSTs, not %d", got, want)
	}
}

func (th *theatre) audited(_ bool, a []string) {
	th.rows(a, func(e bot.Entry) bool { return e.Action == a[0] })
}

func (th *theatre) refusedFor(_ bool, a []string) {
	th.rows(a, func(e bot.Entry) bool { return e.Action == "refused" && e.Reason == a[0] })
}

func (th *theatre) rows(a []string, match func(bot.Entry) bool) {
	want := 1
	if len(a) > 1 {
		var err error
		if want, err = strconv.Atoi(a[1]); err != nil {
			th.t.Fatal(err)
		}
	}
	count := func() int { return th.acts(match) }
	th.poll(fmt.Sprintf("the chain has %d rows of %s", want, a[0]), func() bool { return count() >= want })
	if n := count(); n != want {
		th.t.Fatalf("the chain has %d rows of %s, not %d", n, a[0], want)
	}
}

func (th *theatre) pings(_ bool, a []string) {
	var want []string
	for _, who := range a[1:] {
		if !strings.HasPrefix(who, "S0") { // a user group
			who = cast(who)
		}
		want = append(want, who)
	}
	slices.Sort(want)
	all := th.stands(a[0])
	if a[0] == "card" {
		all = th.cards()
	}
	if len(all) == 0 {
		th.t.Fatalf("nothing stands at %s", a[0])
	}
	got := th.slack.Mentions(all[len(all)-1])
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		th.t.Fatalf("%s notifies %q, not %q", a[0], got, want)
	}
}

func (th *theatre) account(_ bool, a []string) {
	id := th.entraID(a[0])
	for _, change := range a[1:] {
		name, value, _ := strings.Cut(change, "=")
		yes, no := true, false
		th.entra.Update(id, func(u *graphtest.User) {
			switch name {
			case "guest":
				u.UserType = "Guest"
			case "stamped":
				u.RefreshTokensValidFrom = th.clock.now()
			case "disabled":
				u.AccountEnabled = &no
			case "synced":
				u.OnPremisesSyncEnabled = &yes
			case "restricted":
				u.IsManagementRestricted = &yes
			case "signed-in":
				u.LastSuccessfulSignIn = th.clock.now()
			case "name":
				u.DisplayName = value
			case "mail":
				u.Mail = value
			case "upn":
				u.UserPrincipalName = value
			case "alias":
				u.ProxyAddresses = append(u.ProxyAddresses, "smtp:"+value)
			}
		})
		switch name {
		case "gone":
			th.entra.Remove(id)
		case "twin":
			th.entra.AddUser(graphtest.User{DisplayName: "Twin", UserPrincipalName: "twin." + a[0] + "@contoso.example", Mail: a[0] + "@contoso.example"})
		}
	}
}

func (th *theatre) slackAccount(_ bool, a []string) {
	th.slack.UpdateUser(cast(a[0]), func(u *slacktest.User) {
		for _, change := range a[1:] {
			switch change {
			case "guest":
				u.Guest = true
			case "bot":
				u.Bot = true
			case "deleted":
				u.Deleted = true
			case "stranger":
				u.Stranger = true
			case "team":
				u.TeamID = "T0OTHER"
			case "unconfirmed":
				u.EmailUnconfirmed = true
			case "nomail":
				u.Email = ""
			default:
				address, ok := strings.CutPrefix(change, "email=")
				if !ok {
					th.t.Fatalf("no such change: %s", change)
				}
				u.Email = address
			}
		}
	})
}

func (th *theatre) graphFault(_ bool, a []string) {
	f := graphtest.Fault{Method: http.MethodPost, PathSuffix: "invalidateAllRefreshTokens"}
	for _, word := range a {
		name, value, _ := strings.Cut(word, "=")
		var err error
		switch name {
		case "status":
			f.Status, err = strconv.Atoi(value)
		case "times":
			f.Times, err = strconv.Atoi(value)
		case "retry-after":
			f.RetryAfter = value
		case "hang":
			f.Hang = true
		case "apply":
			f.Apply = true
		case "reset":
			f.Reset = true
		case "body":
			f.Status, f.Body = 200, []byte(value)
		case "reads":
			f.Method, f.PathSuffix = http.MethodGet, ""
		case "at": // reads whose path ends so
			f.Method, f.PathSuffix = http.MethodGet, value
		case "lag":
			var d time.Duration
			d, err = time.ParseDuration(value)
			th.entra.SetReplicationLag(d)
			if len(a) == 1 {
				return
			}
		case "of":
			f.PathSuffix = th.entraID(value)
		case "clear":
			th.entra.ClearFaults()
			return
		case "empty-pages": // before the first entry of each list
			var n int
			n, err = strconv.Atoi(value)
			th.entra.SetEmptyPages(n)
			if len(a) == 1 {
				return
			}
		case "renew": // Entra wants each token renewed at once
			th.entra.SetRefreshIn(-time.Second)
			return
		case "sign-in-hangs":
			f = graphtest.Fault{Entra: true, PathSuffix: "/token", Hang: true}
		case "premium", "free": // the licence that sign-ins take
			th.entra.SetPremium(name == "premium")
			return
		case "retire": // Microsoft takes the action away
			th.entra.Retire(value)
			return
		case "unreadable-after-post":
			f = graphtest.Fault{Method: http.MethodGet, Status: 503, Match: func(*http.Request) bool { return th.posted.Load() }}
			th.entra.OnRequest(func(r graphtest.Request) {
				if r.Method == http.MethodPost {
					th.posted.Store(true)
				}
			})
		default:
			th.t.Fatalf("no such fault: %s", word)
		}
		if err != nil {
			th.t.Fatal(err)
		}
	}
	th.entra.Inject(f)
}

func (th *theatre) trouble(_ bool, a []string) {
	if a[0] == "clear" {
		th.slack.ClearFaults(a[1:]...)
		return
	}
	f := slacktest.Fault{Method: a[0]}
	for _, word := range a[1:] {
		name, value, _ := strings.Cut(word, "=")
		var err error
		switch name {
		case "error":
			f.Error = value
		case "status":
			f.Status, err = strconv.Atoi(value)
		case "retry-after":
			f.RetryAfter, err = time.ParseDuration(value)
		case "times":
			f.Times, err = strconv.Atoi(value)
		case "body":
			f.Body = value
		case "hang":
			f.Hang = true
		case "reset":
			f.Reset = true
		case "after":
			f.After = true
		case "to":
			f.Match = both(f.Match, func(p map[string]string) bool { return p["channel"] == value })
		case "with": // in its words or its blocks
			f.Match = both(f.Match, func(p map[string]string) bool { return strings.Contains(p["text"]+p["blocks"], value) })
		default:
			th.t.Fatalf("no such trouble: %s", word)
		}
		if err != nil {
			th.t.Fatal(err)
		}
	}
	th.slack.Inject(f)
}

// both are two conditions of a fault, of which the first may be nil.
func both(one, two func(map[string]string) bool) func(map[string]string) bool {
	return func(p map[string]string) bool { return (one == nil || one(p)) && two(p) }
}

func (th *theatre) calls(_ bool, a []string) {
	most, err := strconv.Atoi(a[2])
	if err != nil {
		th.t.Fatal(err)
	}
	n := 0
	for _, c := range th.slack.CallsOf(a[0]) {
		if c.Params["channel"] == a[1] {
			n++
		}
	}
	if n > most {
		th.t.Fatalf("%d calls of %s, at most %d were to be", n, a[0], most)
	}
}

// erase deletes the live card as the bot's own token could; an administrator
// can do the same.
func (th *theatre) erase(_ bool, _ []string) {
	api := listen.NewAPI(bot.Secret(th.slack.BotToken()), "", th.slack.APIURL())
	if _, _, err := api.DeleteMessage(approvals, th.card().TS); err != nil {
		th.t.Fatal(err)
	}
}

func (th *theatre) later(neg bool, a []string) {
	th.quiet()
	th.tabsAtRest()
	th.pause(neg, a)
}

func (th *theatre) pause(_ bool, a []string) {
	d, err := time.ParseDuration(a[0])
	if err != nil {
		th.t.Fatal(err)
	}
	th.clock.advance(d)
}

func (th *theatre) restarts(_ bool, settings []string) {
	th.end()
	for _, text := range settings {
		name, value, _ := strings.Cut(text, "=")
		th.set(name, value)
		if name == "REVOKE_CHANNEL" {
			th.slack.AddChannel(slacktest.Channel{ID: value, Name: "another", Private: true, BotIsMember: true, Members: []string{aliceID, amirID, olgaID}})
		}
	}
	th.begin()
}
