package message

import (
	"slices"
	"strings"
	"testing"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/bot/slackapi"
)

// elsewhereOwed lists the keys of the direct messages that replace posts in the channel.
func elsewhereOwed(s scene, places map[string]bot.Place) (keys []string) {
	for _, p := range Plan(&s.r, s.v, bottest.Cards, places) {
		if strings.HasPrefix(p.Key, bot.ElsewhereKey) || strings.HasPrefix(p.Key, bot.UnreachedKey) {
			keys = append(keys, p.Key)
		}
	}
	return keys
}

func TestPlan_WhoIsToldElsewhere(t *testing.T) {
	shut := channelShut(bot.ChannelArchived)
	stands := func(keys ...string) map[string]bot.Place {
		all := map[string]bot.Place{}
		for _, key := range keys {
			all[key] = bot.Place{Key: key, Channel: "C1", TS: "1.1"}
		}
		return all
	}
	unclear := func(s *scene) { s.r.Attempts = []bot.Attempt{{Decision: 1, Unclear: true}} }
	// own makes the approver a requester too.
	own := func(s *scene) { s.r.Askers = append(s.r.Askers, authz.Asker{SlackID: bottest.Alice}) }
	result, unknown := bot.ElsewhereKey+"result:1:"+bottest.Alice, bot.ElsewhereKey+"unknown:1:"+bottest.Alice
	for _, tt := range []struct {
		name   string
		s      scene
		places map[string]bot.Place
		want   []string
	}{
		{"a channel that works", newScene("x", bot.Revoked), nil, nil},
		{"a request that waits", newScene("x", bot.Pending, shut), nil, []string{"unreached:" + bottest.Alice, "unreached:" + bottest.Dave}},
		{"one that waits for all we know", newScene("x", bot.Pending, shut, noneTold), nil, nil},
		{"an outcome", newScene("x", bot.Revoked, shut), nil, []string{result}},
		{"one that stands in the thread", newScene("x", bot.Revoked, shut), stands("result:1"), nil},
		{"one of somebody who asked, too", newScene("x", bot.Revoked, shut, own), nil, nil},
		{"one begun elsewhere, edited when the channel is back", newScene("x", bot.Verified), stands("result:1", result), []string{result}},
		{"nobody decided", newScene("x", bot.Expired, shut), nil, nil},
		{"an earlier call that was unclear is no news", newScene("x", bot.Verified, shut, unclear), nil, []string{result}},
		{"unless somebody read of it", newScene("x", bot.Verified, shut, unclear), stands(unknown), []string{unknown, result}},
		{"a doubt", newScene("x", bot.NotVisibleYet, shut, toldUnmoved), stands("result:1"),
			[]string{bot.ElsewhereKey + "unmoved:" + bottest.Alice}},
	} {
		if got := elsewhereOwed(tt.s, tt.places); !slices.Equal(got, tt.want) {
			t.Errorf("%s: owes %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestChannelSays_EachLastingRefusal(t *testing.T) {
	for code, want := range map[string]bot.ChannelProblem{
		"channel_not_found": bot.ChannelMissing, "is_archived": bot.ChannelArchived, "is_inactive": bot.ChannelArchived,
		"not_in_channel": bot.ChannelWithout, "restricted_action_read_only_channel": bot.ChannelClosed, "restricted_action": bot.ChannelClosed,
		// Any other lasting refusal, known or not.
		"ekm_access_denied": "refuses:ekm_access_denied", "team_access_not_granted": "refuses:team_access_not_granted",
		"invalid_blocks": "refuses:invalid_blocks", "msg_too_long": "refuses:msg_too_long",
		"msg_blocks_too_long": "refuses:msg_blocks_too_long", "brand_new_refusal": "refuses:brand_new_refusal",
		"<!here>": "refuses:with a code that I do not show",
		// One message that is gone.
		"message_not_found": "", "edit_window_closed": "", "thread_not_found": "", "cannot_reply_to_message": "", "cant_update_message": "",
		// Slack's own trouble.
		"ratelimited": "", "internal_error": "", "fatal_error": "", "service_unavailable": "", "request_timeout": "",
		"team_added_to_org": "", slackapi.Incomplete: "", "": "",
		// The token or the whole app: a direct message would fail too.
		"invalid_auth": "", "account_inactive": "", "token_revoked": "", "token_expired": "", "not_authed": "", "missing_scope": "",
	} {
		got := slackapi.Shut(&slackapi.Error{Method: "chat.update", Code: code})
		if got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
		if got != "" && (ChannelSays(got) == "" || !strings.HasPrefix(ChannelMend(got), "Please ")) {
			t.Errorf("%s: says %q, and to mend it %q", code, ChannelSays(got), ChannelMend(got))
		}
		if shown, ok := got.Code(); ok && !strings.Contains(ChannelSays(got), shown) {
			t.Errorf("%s: says %q, without the code", code, ChannelSays(got))
		}
	}
	if slackapi.Shut(bot.ErrNoRequest) != "" {
		t.Error("an error that is not Slack's is about the channel")
	}
}

// The direct messages about the channel are corrected once the problem is over, if that
// is known.
func TestUnreachedNote_EditedOnceOver(t *testing.T) {
	stand := map[string]bot.Place{}
	for _, key := range []string{"unreached:" + bottest.Alice, "unreached:" + bottest.Dave, "unreached_cancel:" + bottest.Dave} {
		stand[key] = bot.Place{Key: key, Channel: "D1", TS: "1.1"}
	}
	const waits = "waits for a decision"
	for _, tt := range []struct {
		name         string
		s            scene
		says, silent string
	}{
		{"the card stands", newScene("x", bot.Pending), "Now you can decide on", "cannot reach"},
		{"it is denied while the channel is shut", newScene("x", bot.Denied, channelShut(bot.ChannelArchived)), "denied by", waits},
		{"it is denied and no card ever stood", newScene("x", bot.Denied, noCard), "denied by", waits},
		{"it has expired", newScene("x", bot.Expired), "", waits},
		{"it was cancelled", newScene("x", bot.Cancelled), "", waits},
		{"it is revoked", newScene("x", bot.Revoked), "sessions are revoked", waits},
		{"it failed", newScene("x", bot.Failed), "", waits},
		{"another takes its place", newScene("x", bot.Void), "", waits},
		{"it is a rehearsal", newScene("x", bot.Drilled, drill), "", waits},
		{"it is shut in another way", newScene("x", bot.Pending, noCard, channelShut(bot.ChannelRefuses("ekm_access_denied"))),
			"ekm_access_denied", "archived"},
	} {
		edited := map[string]bool{}
		for _, p := range unreachedPosts(&tt.s.r, tt.s.v, stand) {
			if _, stands := stand[p.Key]; !stands {
				continue
			}
			edited[p.Key] = true
			text := p.Draw(&tt.s.r, tt.s.v).Text
			if !p.EditOnly {
				t.Errorf("%s: %s would be posted once more where it cannot be edited", tt.name, p.Key)
			}
			if bot.KeyKind(p.Key) == "unreached" && !strings.Contains(text, tt.says) ||
				strings.Contains(text, tt.silent) || !strings.Contains(text, tt.s.r.ID) {
				t.Errorf("%s: %s says %q", tt.name, p.Key, text)
			}
			if found := facts.FindString(text); found != "" {
				t.Errorf("%s: %s tells %q, which only the card may say", tt.name, p.Key, found)
			}
		}
		if len(edited) != len(stand) {
			t.Errorf("%s: only %v are edited", tt.name, edited)
		}
	}
	if s := newScene("x", bot.Pending, noCard); len(unreachedPosts(&s.r, s.v, stand)) > 0 {
		t.Error("without a card, and without a word of what is in its way, something is said")
	}
}

// A reader who is no longer an approver, or is the target, reads nothing about how the
// request goes on.
func TestUnreachedNote_TellsOnlyApprovers(t *testing.T) {
	stand := map[string]bot.Place{}
	for _, key := range []string{
		"unreached:" + bottest.Alice, "unreached:" + bottest.Erin, "unreached:" + bottest.Carol, "unreached_cancel:" + bottest.Erin,
	} {
		stand[key] = bot.Place{Key: key, Channel: "D1", TS: "1.1"}
	}
	for _, s := range []scene{
		newScene("waits", bot.Pending), newScene("waits, shut", bot.Pending, channelShut(bot.ChannelArchived)),
		newScene("denied", bot.Denied), newScene("expired", bot.Expired), newScene("revoked", bot.Revoked), newScene("failed", bot.Failed),
		newScene("void", bot.Void), newScene("rehearsal", bot.Drilled, drill),
	} {
		edited := 0
		for _, p := range unreachedPosts(&s.r, s.v, stand) {
			if _, stands := stand[p.Key]; !stands {
				continue
			}
			edited++
			want, text := noConcern(&s.r).Text, p.Draw(&s.r, s.v).Text
			if p.To == bottest.Alice && text == want || p.To != bottest.Alice && text != want {
				t.Errorf("%s: %s says %q", s.name, p.Key, text)
			}
		}
		if edited != len(stand) {
			t.Errorf("%s: %d are edited", s.name, edited)
		}
	}
	guessed := newScene("not all looked up", bot.Pending, channelShut(bot.ChannelArchived))
	guessed.v.Guessed = true
	for _, p := range unreachedPosts(&guessed.r, guessed.v, stand) {
		if p.To == bottest.Erin || p.To == bottest.Carol {
			t.Errorf("%s is edited, and its reader may be an approver", p.Key)
		}
	}
}

// A readable card does not say that its channel is out of reach.
func TestCard_HidesProblemsOfItsOwnChannel(t *testing.T) {
	for _, problem := range []bot.ChannelProblem{
		bot.ChannelMissing, bot.ChannelArchived, bot.ChannelWithout, bot.ChannelClosed, bot.ChannelRefuses("ekm_access_denied"),
	} {
		s := newScene("x", bot.Pending, func(s *scene) { s.r.Coverage.Channel = problem })
		for what, m := range map[string]bot.Message{
			"the card": card(&s.r, s.v), "the receipt": receipt(&s.r, s.v, bottest.Bob), "the answer": Joined(&s.r, s.v, bottest.Bob, true),
		} {
			if strings.Contains(m.Text, ChannelSays(problem)) {
				t.Errorf("%s says that %q: %s", what, ChannelSays(problem), m.Text)
			}
		}
		if m := Received(&s.r, View{}); !strings.Contains(m.Text, ChannelSays(problem)) {
			t.Errorf("the answer to a new request does not say that %q", ChannelSays(problem))
		}
	}
	if s := newScene("x", bot.Pending, shared); !strings.Contains(card(&s.r, s.v).Text, ChannelSays(bot.ChannelShared)) {
		t.Error("nobody reads that others read along")
	}
}

// Nobody knows whether a private answer was read.
func TestToldSince_DoesNotClaimAnswerWasRead(t *testing.T) {
	s := newScene("x", bot.Verified)
	for channel, want := range map[string]string{bot.Privately: "I do not know whether they read it", "D1": "They have my message now."} {
		direct := "outcome:1:" + bottest.Bob
		places := map[string]bot.Place{
			direct:                 {Key: direct, Channel: channel, TS: "0"},
			bot.UntoldKey + direct: {Key: bot.UntoldKey + direct, Channel: bottest.Cards, TS: "1.1"},
		}
		all := ToldSincePosts(&s.r, places)
		if len(all) != 1 {
			t.Fatalf("%s: %d notes", channel, len(all))
		}
		if text := all[0].Draw(&s.r, s.v).Text; !strings.Contains(text, want) || (channel == bot.Privately) == strings.Contains(text, "have my message") {
			t.Errorf("%s: the thread says %q", channel, text)
		}
	}
}
