package bot

import (
	"slices"
	"strings"
	"testing"

	"revoke-sessions/authz"
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
		"restricted_action_read_only_channel": ChannelClosed, "message_not_found": "", "edit_window_closed": "", "ratelimited": "", "": "",
	} {
		if got := shut(&SlackError{Method: "chat.update", Code: code}); got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
		if want != "" && (want.Says() == "" || !strings.HasPrefix(want.Mend(), "Please ")) {
			t.Errorf("%s: says %q, and to mend it %q", code, want.Says(), want.Mend())
		}
	}
	if shut(ErrNoRequest) != "" {
		t.Error("an error that is not Slack's is about the channel")
	}
}

// A group cannot be written to; whoever of it is known can.
func TestWhoCanBeWrittenTo(t *testing.T) {
	able := []approver{{actor: authz.Actor{SlackID: dave}}, {actor: authz.Actor{SlackID: alice}}}
	if got := direct([]string{"S0SECURITY", alice, "entra:" + carol, erin}, able); !slices.Equal(got, []string{alice, dave, erin}) {
		t.Errorf("writes to %q", got)
	}
}
