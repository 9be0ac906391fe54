package bot

import (
	"slices"
	"strings"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// elsewhereOwed lists what is owed besides the channel's posts and what askers get.
func elsewhereOwed(s scene, places map[string]Place) (keys []string) {
	for _, p := range owed(&s.r, &s.v, cards, places) {
		if strings.HasPrefix(p.key, elsewhereKey) || strings.HasPrefix(p.key, unreachedKey) {
			keys = append(keys, p.key)
		}
	}
	return keys
}

func TestWhoIsToldElsewhere(t *testing.T) {
	shut := channelShut(ChannelArchived)
	stands := func(keys ...string) map[string]Place {
		all := map[string]Place{}
		for _, key := range keys {
			all[key] = Place{Key: key, Channel: "C1", TS: "1.1"}
		}
		return all
	}
	unclear := func(s *scene) { s.r.Attempts = []Attempt{{Decision: 1, Unclear: true}} }
	// A request that was decided by whoever had asked for it.
	own := func(s *scene) { s.r.Askers = append(s.r.Askers, authz.Asker{SlackID: alice}) }
	for _, tt := range []struct {
		name   string
		s      scene
		places map[string]Place
		want   []string
	}{
		{"a channel that works", newScene("x", Revoked), nil, nil},
		{"a request that waits", newScene("x", Pending, shut), nil, []string{"unreached:" + alice, "unreached:" + dave}},
		{"one that waits for all we know", newScene("x", Pending, shut, noneTold), nil, nil},
		{"an outcome", newScene("x", Revoked, shut), nil, []string{"elsewhere:result:1:" + alice}},
		{"one that stands in the thread", newScene("x", Revoked, shut), stands("result:1"), nil},
		{"one of somebody who asked, too", newScene("x", Revoked, shut, own), nil, nil},
		{"one begun elsewhere, edited when the channel is back", newScene("x", Verified), stands("result:1", "elsewhere:result:1:"+alice), []string{"elsewhere:result:1:" + alice}},
		{"nobody decided", newScene("x", Expired, shut), nil, nil},
		{"an earlier call that was unclear is no news", newScene("x", Verified, shut, unclear), nil, []string{"elsewhere:result:1:" + alice}},
		{"unless somebody read of it", newScene("x", Verified, shut, unclear), stands("elsewhere:unknown:1:" + alice), []string{"elsewhere:unknown:1:" + alice, "elsewhere:result:1:" + alice}},
		{"a doubt", newScene("x", NotVisibleYet, shut, toldUnmoved), stands("result:1"), []string{"elsewhere:unmoved:" + alice}},
	} {
		if got := elsewhereOwed(tt.s, tt.places); !slices.Equal(got, tt.want) {
			t.Errorf("%s: owes %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestWhichAnswersAreAboutTheChannel(t *testing.T) {
	for code, want := range map[string]ChannelProblem{
		"channel_not_found": ChannelMissing, "is_archived": ChannelArchived, "is_inactive": ChannelArchived, "not_in_channel": ChannelWithout,
		"restricted_action_read_only_channel": ChannelClosed, "restricted_action": ChannelClosed,
		// Whatever else lasts, heard of or not.
		"ekm_access_denied": "refuses:ekm_access_denied", "team_access_not_granted": "refuses:team_access_not_granted", "invalid_blocks": "refuses:invalid_blocks",
		"msg_too_long": "refuses:msg_too_long", "msg_blocks_too_long": "refuses:msg_blocks_too_long", "brand_new_refusal": "refuses:brand_new_refusal",
		"<!here>": "refuses:with a code that I do not show",
		// One message that stands no more.
		"message_not_found": "", "edit_window_closed": "", "thread_not_found": "", "cannot_reply_to_message": "", "cant_update_message": "",
		// Slack's own trouble.
		"ratelimited": "", "internal_error": "", "fatal_error": "", "service_unavailable": "", "request_timeout": "", "team_added_to_org": "", incomplete: "", "": "",
		// The token, or the whole app: a direct message would fail as well.
		"invalid_auth": "", "account_inactive": "", "token_revoked": "", "token_expired": "", "not_authed": "", "missing_scope": "",
	} {
		got := shut(&SlackError{Method: "chat.update", Code: code})
		if got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
		if got != "" && (got.Says() == "" || !strings.HasPrefix(got.Mend(), "Please ")) {
			t.Errorf("%s: says %q, and to mend it %q", code, got.Says(), got.Mend())
		}
		if shown, ok := got.code(); ok && !strings.Contains(got.Says(), shown) {
			t.Errorf("%s: says %q, without the code", code, got.Says())
		}
	}
	if shut(ErrNoRequest) != "" {
		t.Error("an error that is not Slack's is about the channel")
	}
}

// What approvers have read of the channel by direct message is brought up to date
// once it is over, as far as that is known.
func TestUnreachedNotesAreEdited(t *testing.T) {
	stand := map[string]Place{}
	for _, key := range []string{"unreached:" + alice, "unreached:" + dave, "unreached_cancel:" + dave} {
		stand[key] = Place{Key: key, Channel: "D1", TS: "1.1"}
	}
	const waits = "waits for a decision"
	for _, tt := range []struct {
		name         string
		s            scene
		says, silent string
	}{
		{"the card stands", newScene("x", Pending), "Decide on", "cannot reach"},
		{"it is denied while the channel is shut", newScene("x", Denied, channelShut(ChannelArchived)), "Denied by", waits},
		{"it is denied and no card ever stood", newScene("x", Denied, noCard), "Denied by", waits},
		{"it has expired", newScene("x", Expired), "", waits},
		{"it was cancelled", newScene("x", Cancelled), "", waits},
		{"it is revoked", newScene("x", Revoked), "sessions are revoked", waits},
		{"it failed", newScene("x", Failed), "", waits},
		{"another takes its place", newScene("x", Void), "", waits},
		{"it is a rehearsal", newScene("x", Drilled, drill), "", waits},
		{"it is shut in another way", newScene("x", Pending, noCard, channelShut(ChannelRefuses("ekm_access_denied"))), "ekm_access_denied", "archived"},
	} {
		edited := map[string]bool{}
		for _, p := range unreachedOwed(&tt.s.r, &tt.s.v, stand) {
			if _, stands := stand[p.key]; !stands {
				continue
			}
			edited[p.key] = true
			text := p.show().Text
			if !p.editOnly {
				t.Errorf("%s: %s would be posted once more where it cannot be edited", tt.name, p.key)
			}
			if kind(p.key) == "unreached" && !strings.Contains(text, tt.says) || strings.Contains(text, tt.silent) || !strings.Contains(text, tt.s.r.ID) {
				t.Errorf("%s: %s says %q", tt.name, p.key, text)
			}
			if found := facts.FindString(text); found != "" {
				t.Errorf("%s: %s tells %q, which stands on the card only", tt.name, p.key, found)
			}
		}
		if len(edited) != len(stand) {
			t.Errorf("%s: only %v are edited", tt.name, edited)
		}
	}
	if s := newScene("x", Pending, noCard); len(unreachedOwed(&s.r, &s.v, stand)) > 0 {
		t.Error("without a card, and without a word of what is in its way, something is said")
	}
}

// Somebody who is no approver any more, or has turned out to be the target, reads
// nothing of how the request goes on.
func TestUnreachedNotesTellOnlyApproversMore(t *testing.T) {
	stand := map[string]Place{}
	for _, key := range []string{"unreached:" + alice, "unreached:" + erin, "unreached:" + carol, "unreached_cancel:" + erin} {
		stand[key] = Place{Key: key, Channel: "D1", TS: "1.1"}
	}
	for _, s := range []scene{
		newScene("waits", Pending), newScene("waits, shut", Pending, channelShut(ChannelArchived)), newScene("denied", Denied), newScene("expired", Expired),
		newScene("revoked", Revoked), newScene("failed", Failed), newScene("void", Void), newScene("rehearsal", Drilled, drill),
	} {
		edited := 0
		for _, p := range unreachedOwed(&s.r, &s.v, stand) {
			if _, stands := stand[p.key]; !stands {
				continue
			}
			edited++
			want, text := NoConcern(&s.r).Text, p.show().Text
			if p.to == alice && text == want || p.to != alice && text != want {
				t.Errorf("%s: %s says %q", s.name, p.key, text)
			}
		}
		if edited != len(stand) {
			t.Errorf("%s: %d are edited", s.name, edited)
		}
	}
	guessed := newScene("not all looked up", Pending, channelShut(ChannelArchived))
	guessed.v.Guessed = true
	for _, p := range unreachedOwed(&guessed.r, &guessed.v, stand) {
		if p.to == erin || p.to == carol {
			t.Errorf("%s is edited, who may be an approver", p.key)
		}
	}
}

// The target of somebody else's request is none of them, by any account.
func TestWhoReadsOn(t *testing.T) {
	policy := authz.New(alice, carol, dave, "S0SECURITY")
	check := func(action authz.Action, actor authz.Actor, matter authz.Matter) authz.Decision {
		return authz.Check(authz.Question{Action: action, Actor: actor, Matter: matter, Policy: policy})
	}
	known := roster{people: []approver{
		{actor: authz.Actor{SlackID: alice, EntraID: "a", Standing: authz.FullMember}, by: []string{alice}},
		{actor: authz.Actor{SlackID: erin, EntraID: carolID, Standing: authz.FullMember}, by: []string{"S0SECURITY"}},
	}}
	r := Request{
		State: Denied, Lane: authz.ThirdParty, Askers: []authz.Asker{{SlackID: bob, EntraID: bobID}}, Target: graph.User{ID: carolID}, TargetSlackID: carol,
		Approvals: []Verdict{{Kind: authz.Confirm, SlackID: alice, EntraID: "a"}},
	}
	if got := known.readers(&r, policy.Approvers, check); !slices.Equal(got, []string{alice, dave}) {
		t.Errorf("%q read on", got)
	}
}

// A card that can be read does not say that its channel cannot be posted to.
func TestCardSaysNothingOfAChannelThatItStandsIn(t *testing.T) {
	for _, problem := range []ChannelProblem{ChannelMissing, ChannelArchived, ChannelWithout, ChannelClosed, ChannelRefuses("ekm_access_denied")} {
		s := newScene("x", Pending, func(s *scene) { s.r.Coverage.Channel = problem })
		for what, m := range map[string]Message{"the card": Card(&s.r, s.v), "the receipt": Receipt(&s.r, s.v, bob), "the answer": Joined(&s.r, s.v, bob, true)} {
			if strings.Contains(m.Text, problem.Says()) {
				t.Errorf("%s says that %q: %s", what, problem.Says(), m.Text)
			}
		}
		if m := Received(&s.r, View{}); !strings.Contains(m.Text, problem.Says()) {
			t.Errorf("whoever has just asked does not read that %q", problem.Says())
		}
	}
	if s := newScene("x", Pending, shared); !strings.Contains(Card(&s.r, s.v).Text, ChannelShared.Says()) {
		t.Error("nobody reads that others read along")
	}
}

// Nobody knows whether an answer was read.
func TestAnAnswerIsNotSaidToHaveBeenRead(t *testing.T) {
	s := newScene("x", Verified)
	for channel, want := range map[string]string{privately: "I do not know whether they read it", "D1": "They have been told since."} {
		direct := "outcome:1:" + bob
		places := map[string]Place{direct: {Key: direct, Channel: channel, TS: "0"}, untoldKey + direct: {Key: untoldKey + direct, Channel: cards, TS: "1.1"}}
		all := toldSince(&s.r, places)
		if len(all) != 1 {
			t.Fatalf("%s: %d notes", channel, len(all))
		}
		if text := all[0].show().Text; !strings.Contains(text, want) || (channel == privately) == strings.Contains(text, "been told") {
			t.Errorf("%s: the thread says %q", channel, text)
		}
	}
}

// A group cannot be written to; whoever of it is known can.
func TestWhoCanBeWrittenTo(t *testing.T) {
	able := []approver{{actor: authz.Actor{SlackID: dave}}, {actor: authz.Actor{SlackID: alice}}}
	if got := direct([]string{"S0SECURITY", alice, "entra:" + carol, erin}, able); !slices.Equal(got, []string{alice, dave, erin}) {
		t.Errorf("writes to %q", got)
	}
}

// What Slack does not take of one card is said of its own request, and what is the
// matter with the channel of all.
func TestWhoseCardIsRefused(t *testing.T) {
	const content, place = "msg_too_long", "ekm_access_denied"
	own, other := Request{ID: "REQ-7F3K4M", State: Pending}, Request{ID: "REQ-OTHER", State: Pending}
	card, link := post{key: cardKey}, View{CardLink: "https://slack.example/card"}
	b, move := submitting(t)
	check := func(when, mine, others, linked string) {
		t.Helper()
		for _, is := range []struct {
			of   string
			got  ChannelProblem
			code string
		}{{"its own", b.shutTo(&own, View{}), mine}, {"another", b.shutTo(&other, View{}), others}, {"one whose card stands", b.shutTo(&own, link), linked}} {
			if code, _ := is.got.code(); code != is.code {
				t.Errorf("%s, in the way of %s: %q, want %q", when, is.of, code, is.code)
			}
		}
	}
	b.noteShut(own.ID, post{key: "result:1"}, ChannelRefuses(content))
	check("a message in the thread was refused", "", "", "")
	b.noteShut(own.ID, card, ChannelRefuses(content))
	check("its content was refused", content, "", "")
	b.noteShut(own.ID, card, ChannelRefuses(place))
	check("the place refuses", place, place, place)
	b.noteShut(other.ID, card, ChannelRefuses(content))
	check("the content of another, too", place, place, place)
	move(refusedFor + time.Second)
	check("an hour later", "", "", "")
}
