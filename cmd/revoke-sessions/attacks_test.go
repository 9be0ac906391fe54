package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/slack-go/slack"

	"revoke-sessions/bot"
	"revoke-sessions/bot/listen"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/store"
	"revoke-sessions/graph/graphtest"
)

// attack is something that somebody tries against the production bot, and all
// that may come of it. Bob reports, Alice and Amir approve, Olga is in the
// channel and approves nothing, Carol is whose laptop was stolen.
type attack struct {
	// name says who does what.
	name string
	// policy is the policy file; empty where Alice and Amir are the approvers
	// and nothing else is said.
	policy string
	// before is done before the bot starts, scene after that, then the attack.
	before, scene, attack func(*raid)

	// reads is what whoever acted reads: WHERE as in TestStories, then words
	// of one message there.
	reads []string
	// rows are all the rows that people's acts add to the audit chain.
	rows []row
	// unrecorded: the attack leaves no row, for it is no act of anybody's, or
	// one that was carried out before. Then nobody need read anything; log says
	// what is in the bot's log, where something is.
	unrecorded bool
	log        string
	// posts is how many revokes have reached Graph in all.
	posts int
	// state is the request's afterwards; empty where none was made.
	state bot.State
	// then looks at what else must hold.
	then func(*raid)
}

// row is what a row of the chain says of an act.
type row struct{ action, reason, actor string }

// attacks are all of them.
var attacks = slices.Concat(
	cardAttacks, tokenAttacks, // buttons that are not what they seem
	strangerAttacks, groupAttacks, // people who are not who they should be
	countAttacks, approvalAttacks, requesterAttacks, // who counts, and how often
	accountAttacks,                  // people with more than one account
	targetAttacks, ownDeviceAttacks, // the target as judge, the finder of a phone
	lateAttacks, changeAttacks, protectedAttacks, // what is not as it was
	limitAttacks, freezeAttacks, noticeAttacks, rulesAttacks, // brakes
	formAttacks, formButtonAttacks, wordAttacks, readerAttacks, // what can be typed, submitted and read
	homeAttacks, homeFormAttacks, ownTwiceAttacks, shortcutAttacks, // the Home tab, the shortcuts, the two buttons
)

func TestAttacks(t *testing.T) {
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			newRaid(t, a).play(a)
		})
	}
}

// TestAttacksSayWhatComesOfThem keeps the table from holding a case that
// nothing could fail.
func TestAttacksSayWhatComesOfThem(t *testing.T) {
	if len(attacks) < 45 {
		t.Errorf("only %d attacks", len(attacks))
	}
	seen := map[string]bool{}
	for _, a := range attacks {
		switch {
		case seen[a.name]:
			t.Errorf("%s: twice", a.name)
		case a.attack == nil:
			t.Errorf("%s: nobody attacks", a.name)
		case a.unrecorded != (len(a.rows) == 0):
			t.Errorf("%s: says neither what is recorded nor that nothing is", a.name)
		case len(a.reads) < 2 && (!a.unrecorded || len(a.reads) > 0):
			t.Errorf("%s: no words are read", a.name)
		}
		seen[a.name] = true
	}
}

// raid is one attack on its way.
type raid struct {
	*theatre
	// request and card are those that were asked for last, the card as it
	// stood first.
	request string
	card    slacktest.Message
	// door is the way by which ask asks; nil for a command.
	door *door
}

func newRaid(t *testing.T, a attack) *raid { return raidOn(t, a, false) }

// raidOn is newRaid, perhaps on PostgreSQL.
func raidOn(t *testing.T, a attack, onPostgres bool) *raid {
	r := &raid{theatre: newTheatre(t)}
	if onPostgres {
		r.onPostgres()
	}
	if a.policy != "" {
		r.policy = filepath.Join(t.TempDir(), "policy.yml")
		if err := os.WriteFile(r.policy, []byte(a.policy), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.slack.AddUserGroup(slacktest.UserGroup{ID: "S0SECURITY", Handle: "security", Members: []string{aliceID, amirID}})
	r.entra.AddGroup(graphtest.Group{ID: entraGroup, DisplayName: "Security on call", Members: []string{objectID(2), objectID(3)}})
	if a.before != nil {
		a.before(r)
	}
	r.begin()
	// The first row: an anchor is taken of what comes after it.
	r.poll("the bot has started", func() bool { return r.count("policy_loaded") == 1 })
	return r
}

// play sets the scene, lets the attack happen and looks at what came of it,
// twice: once when the bot is at rest and once when it has stopped.
func (r *raid) play(a attack) {
	if a.scene != nil {
		a.scene(r)
		r.quiet()
	}
	before, anchor := len(r.audit()), r.head()
	a.attack(r)

	if len(a.reads) > 0 {
		r.sees(false, a.reads)
	}
	r.poll(fmt.Sprintf("people's rows are %v", a.rows), func() bool { return len(r.people(before)) >= len(a.rows) })
	if a.state != "" {
		r.poll(fmt.Sprintf("the request is %s", a.state), func() bool { return r.state() == a.state })
	}
	if a.log != "" {
		r.poll("the log says "+a.log, func() bool { return strings.Contains(r.log.String(), a.log) })
	}
	r.quiet()
	r.compare(a, before)
	if a.then != nil {
		a.then(r)
	}

	r.end()
	r.compare(a, before)
	if _, err := r.reader().Verify(context.Background(), &anchor); err != nil {
		r.t.Errorf("the chain does not verify: %v", err)
	}
}

func (r *raid) compare(a attack, before int) {
	r.t.Helper()
	if got := r.people(before); !slices.Equal(got, a.rows) {
		r.t.Errorf("people's rows are %v, want %v", got, a.rows)
	}
	if got := len(r.entra.Posts()); got != a.posts {
		r.t.Errorf("Graph got %d POSTs, want %d", got, a.posts)
	}
	if got := r.count("executing"); got != a.posts {
		r.t.Errorf("the chain tells of %d calls, want %d", got, a.posts)
	}
	if got := r.state(); got != a.state {
		r.t.Errorf("the request is %q, want %q", got, a.state)
	}
}

// people are the rows of what people did, from the given one on, and of whose
// approvals that took away.
func (r *raid) people(from int) (rows []row) {
	for _, e := range r.audit()[from:] {
		if strings.HasPrefix(e.Actor, "U") || e.Action == "approval_lapsed" {
			rows = append(rows, row{e.Action, e.Reason, e.Actor})
		}
	}
	return rows
}

func (r *raid) head() store.Anchor {
	r.t.Helper()
	anchor, err := r.reader().Head(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	return anchor
}

// state is the state of the request as stored, or "" while there is none.
func (r *raid) state() bot.State {
	r.t.Helper()
	if r.request == "" {
		for _, e := range r.audit() {
			if e.Action == "requested" {
				r.request = e.Request
			}
		}
	}
	if r.request == "" {
		return ""
	}
	stored, err := r.reader().Request(context.Background(), r.request)
	if err != nil {
		r.t.Fatal(err)
	}
	return stored.State
}

// ask types a command, or asks the same through another door, and waits for its card.
func (r *raid) ask(who, text string) {
	r.t.Helper()
	known := len(r.cards())
	r.asks(who, text)
	r.until("a card is posted for "+text, func() bool { return len(r.cards()) > known })
	cards := r.cards()
	r.card = cards[len(cards)-1]
	r.request = r.requestOf(r.card)
}

// Scenes that many attacks begin with.
func carolsLaptop(r *raid) { r.ask(bobID, "<@"+carolID+"> stolen laptop") }
func bobsPhone(r *raid)    { r.ask(bobID, "me lost my phone") }
func alicesPhone(r *raid)  { r.ask(aliceID, "me lost my phone") }

// press presses Confirm on the card as it first stood, or whatever forge makes
// of that, whether or not the person could see it.
func (r *raid) press(who string, forge func(*slacktest.Click)) {
	r.t.Helper()
	r.last = r.slack.As(who).ClickRaw(func(c *slacktest.Click) {
		c.ChannelID, c.MessageTS, c.ActionID, c.Value = approvals, r.card.TS, bot.ActionConfirm, r.request
		if forge != nil {
			forge(c)
		}
	})
	r.acked(r.last)
}

// presses is press as a whole attack.
func presses(who string, forge func(*slacktest.Click)) func(*raid) {
	return func(r *raid) { r.press(who, forge) }
}

// click presses a button of the live card. The first of several approvals has a button of
// its own. A button that the card does not have is pressed as on an older version of it.
func (r *raid) click(who, action string) {
	r.t.Helper()
	card := r.theatre.card()
	has := func(id string) bool {
		return slices.ContainsFunc(card.Buttons(), func(b slacktest.Button) bool { return b.ActionID == id })
	}
	if action == bot.ActionConfirm && has(bot.ActionApprove) {
		action = bot.ActionApprove
	}
	if has(action) {
		r.theatre.click(who, action)
		return
	}
	r.press(who, func(c *slacktest.Click) { c.MessageTS, c.ActionID = card.TS, action })
}

// clicks is click as a whole attack.
func clicks(who, action string) func(*raid) {
	return func(r *raid) { r.click(who, action) }
}

// types types a command; REQ-THIS is the request's ID.
func types(who, text string) func(*raid) {
	return func(r *raid) { r.typed(who, strings.ReplaceAll(text, "REQ-THIS", r.request)) }
}

// approves confirms and waits until that stands on the card.
func (r *raid) approves(who string, cardSays ...string) {
	r.t.Helper()
	r.click(who, bot.ActionConfirm)
	r.cardSays(cardSays...)
}

// denies presses Deny and fills in why.
func (r *raid) denies(who, why string) {
	r.t.Helper()
	r.click(who, bot.ActionDeny)
	r.acked(r.slack.As(who).Submit(r.form(who, bot.DenyCallback).ID, because(why)))
	r.cardSays("denied by")
}

func because(why string) slacktest.Values {
	return slacktest.Values{bot.FormReasonBlock: {bot.FormReasonAction: why}}
}

// cardSays waits for a message in the channel; @bob there is Bob mentioned.
func (r *raid) cardSays(words ...string) {
	r.t.Helper()
	r.theatre.cardSays(mentioned(words)...)
}

// form waits until somebody has such a form open.
func (r *raid) form(who, callback string) slacktest.View {
	r.t.Helper()
	return r.fillable(who, callback)
}

// freezes pulls the brake and waits until the channel reads it.
func (r *raid) freezes(who, reason string) {
	r.t.Helper()
	r.typed(who, "freeze "+reason)
	r.until("the channel reads of the freeze", func() bool { return strings.Contains(r.lastNotice(), "froze all revokes") })
}

// lastNotice is the newest message in the channel that is no card.
func (r *raid) lastNotice() string {
	cards := r.cards()
	for _, m := range slices.Backward(r.slack.Messages(approvals)) {
		if !slices.ContainsFunc(cards, func(c slacktest.Message) bool { return c.TS == m.TS }) {
			return plain(m)
		}
	}
	return ""
}

// passes lets time go by, so that what was looked up counts no more.
func (r *raid) passes(d string) {
	r.t.Helper()
	r.later(false, []string{d})
}

// receipt is somebody's own direct message about the request.
func (r *raid) receipt(who string) (m slacktest.Message) {
	r.t.Helper()
	r.until("there is a receipt", func() bool {
		for _, dm := range r.slack.DMs(who) {
			if strings.Contains(plain(dm), r.request) && len(dm.Buttons()) > 0 {
				m = dm
			}
		}
		return m.TS != ""
	})
	return m
}

// slackUser and entraUser change an account.
func (r *raid) slackUser(id string, change func(*slacktest.User)) { r.slack.UpdateUser(id, change) }

func (r *raid) entraUser(n int, change func(*graphtest.User)) {
	r.t.Helper()
	if !r.entra.Update(objectID(n), change) {
		r.t.Fatalf("there is no account %d", n)
	}
}

// members makes the Slack user group hold just these.
func (r *raid) members(ids ...string) {
	r.slack.UpdateUserGroup("S0SECURITY", func(g *slacktest.UserGroup) { g.Members = ids })
}

// stolen is the API as whoever has the bot token uses it.
func (r *raid) stolen() *slack.Client {
	return listen.NewAPI(bot.Secret(r.slack.BotToken()), "", r.slack.APIURL())
}

// content is a message's text and blocks for another post, each with its
// words replaced.
func content(m slacktest.Message, oldnew ...string) []slack.MsgOption {
	swap := strings.NewReplacer(oldnew...)
	var blocks slack.Blocks
	if err := json.Unmarshal([]byte(swap.Replace(string(m.Blocks))), &blocks); err != nil {
		panic(err) // the double keeps what it has validated
	}
	return []slack.MsgOption{slack.MsgOptionText(swap.Replace(m.Text), false), slack.MsgOptionBlocks(blocks.BlockSet...)}
}

// postsWith posts with the stolen token and answers where it stands.
func (r *raid) postsWith(to string, options []slack.MsgOption) (channel, ts string) {
	r.t.Helper()
	channel, ts, err := r.stolen().PostMessage(to, options...)
	if err != nil {
		r.t.Fatal(err)
	}
	return channel, ts
}

// gone waits until a message is deleted.
func (r *raid) gone(channel, ts string) {
	r.t.Helper()
	r.until("the stray message is gone", func() bool {
		history := r.slack.History(channel, ts)
		return len(history) > 0 && history[len(history)-1].Deleted
	})
}

// deciding counts the buttons of a card, but for Cancel, which is gone once it was pressed.
func deciding(m slacktest.Message) (n int) {
	for _, b := range m.Buttons() {
		if b.ActionID != bot.ActionCancel {
			n++
		}
	}
	return n
}

// alive demands that the request's card stands with all its buttons that decide.
func (r *raid) alive() {
	r.t.Helper()
	for _, m := range r.slack.Messages(approvals) {
		if m.TS == r.card.TS && deciding(m) == deciding(r.card) {
			return
		}
	}
	r.t.Errorf("the card has suffered:\n%s", r.board())
}

// onlyOne demands that the revokes were about one account.
func onlyOne(n int) func(*raid) {
	return func(r *raid) {
		for _, p := range r.entra.Posts() {
			if p.ObjectID != objectID(n) {
				r.t.Errorf("Graph was asked to revoke %s, not %s", p.ObjectID, objectID(n))
			}
		}
	}
}

// harmless demands that no message of the bot's, in any version and wherever it
// stands, mentions anybody but these, leads to a place outside Slack, or holds
// a character that hides or turns text around.
func harmless(mentions ...string) func(*raid) {
	return func(r *raid) {
		places := []string{"card", "thread"}
		for _, who := range []string{"bob", "alice", "amir", "olga", "carol"} {
			places = append(places, "dm:"+who, "only:"+who)
		}
		for _, where := range places {
			for _, m := range r.stands(where) {
				for _, version := range append(r.slack.History(m.Channel, m.TS), m) {
					r.harmless(where, version, mentions)
				}
			}
		}
		for _, who := range []string{bobID, aliceID, amirID, olgaID, carolID} {
			for _, v := range r.slack.Views(who) {
				r.harmless("the form of "+who, slacktest.Message{Blocks: v.Blocks}, mentions)
			}
		}
	}
}

func (r *raid) harmless(where string, m slacktest.Message, mentions []string) {
	r.t.Helper()
	for _, who := range r.slack.Mentions(m) {
		if !slices.Contains(mentions, who) {
			r.t.Errorf("%s notifies %s: %s", where, who, plain(m))
		}
	}
	for _, link := range r.slack.Links(m) {
		if !strings.HasPrefix(link, "https://slacktest.slack.com/archives/") {
			r.t.Errorf("%s leads to %s: %s", where, link, plain(m))
		}
	}
	odd := func(c rune) bool { return unicode.Is(unicode.Cf, c) || unicode.IsControl(c) && c != '\n' }
	if strings.ContainsFunc(m.Text, odd) || strings.ContainsFunc(m.Plain(), odd) {
		r.t.Errorf("%s holds hidden characters: %q", where, m.Plain())
	}
}

// threadOf makes a post a reply.
func threadOf(m slacktest.Message) slack.MsgOption { return slack.MsgOptionTS(m.TS) }
