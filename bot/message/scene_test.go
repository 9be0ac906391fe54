package message

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/graph"
)

const reason = "stolen laptop"

// scene is a request at one moment, with the view of its reader.
type scene struct {
	name string
	r    bot.Request
	v    View
}

// sceneOption changes a scene before its state is reached.
type sceneOption func(*scene)

// newScene brings Bob's request about Carol to a state as the bot does.
func newScene(name string, state bot.State, options ...sceneOption) scene {
	s := scene{name: name, r: bot.Request{
		ID: "REQ-7F3K4M", Version: 3, State: state, Lane: authz.ThirdParty, Operation: graph.InvalidateAllRefreshTokens,
		Askers: []authz.Asker{{SlackID: bottest.Bob, EntraID: bottest.BobID}},
		Target: graph.User{
			ID: bottest.CarolID, Guest: graph.No, Disabled: graph.No, Synced: graph.No, Restricted: graph.No,
			Stamps: graph.Stamps{RefreshTokens: bottest.JanuaryV, Sessions: bottest.JanuaryV, ReadAt: bottest.AskedAt},
		},
		Privileged: graph.No, SignedIn: bottest.AskedAt.Add(-26 * time.Hour), SignInsRead: true,
		TargetSlackID: bottest.Carol,
		Need:          1, Coverage: bot.Coverage{Known: true, Able: 2},
		CreatedAt: bottest.AskedAt, ExpiresAt: bottest.AskedAt.Add(8 * time.Hour), DueAt: bottest.AskedAt.Add(8 * time.Hour),
		Words: bot.Words{Reason: reason, DisplayName: "Carol Target", UPN: "carol@contoso.example"},
	}, v: View{
		Now: bottest.Today, Approvers: []string{bottest.Alice, bottest.Dave}, Deciders: []string{bottest.Alice, bottest.Dave},
		Readers: []string{bottest.Alice, bottest.Dave}, Policy: new(authz.New(bottest.Alice, bottest.Dave)),
		Patience: bot.DefaultTiming().Patience, Emergency: bottest.Emergency, CardLink: bottest.LiveCard, CanOpen: true, CardChannel: bottest.Cards,
		LastFreeze: bottest.AskedAt, SlackSettings: bottest.SlackSettings,
	}}
	for _, o := range options {
		o(&s)
	}
	reach(&s.r, state)
	if state == bot.Unknown {
		s.v.Now = bottest.ApprovedAt.Add(10 * time.Second)
	}
	for _, o := range options {
		o(&s)
	}
	return s
}

// reach fills in what a request has collected on its way to a state.
func reach(r *bot.Request, state bot.State) {
	verdict := func(kind authz.Action, who, entra string) {
		r.Decisions = []bot.Verdict{{Kind: kind, SlackID: who, EntraID: entra, At: bottest.ApprovedAt}}
	}
	attempt := func(a bot.Attempt) {
		a.Decision, a.BeganAt = len(r.Decisions), bottest.ApprovedAt
		r.Attempts = append(r.Attempts, a)
	}
	yes := bot.Attempt{
		EndedAt: bottest.AcceptedAt, Outcome: graph.Done, Status: 204,
		RequestID: "5f1d6e2a-0000-4000-8000-00000000000a", ClientRequestID: "5f1d6e2a-0000-4000-8000-00000000000b",
	}
	r.DueAt = time.Time{}
	if state != bot.Pending && !state.Undone() {
		verdict(authz.Confirm, bottest.Alice, "a-entra")
		r.Before = graph.Stamps{RefreshTokens: bottest.JanuaryV, Sessions: bottest.JanuaryV, ReadAt: bottest.ApprovedAt}
	}
	switch state {
	case bot.Pending:
		r.DueAt = r.ExpiresAt
	case bot.Denied:
		r.Words.Denied = "wrong person"
		verdict(authz.Deny, bottest.Alice, "a-entra")
		r.EndedAt = bottest.ApprovedAt
	case bot.Cancelled:
		verdict(authz.Cancel, bottest.Bob, bottest.BobID)
		r.EndedAt = bottest.ApprovedAt
	case bot.Expired:
		r.EndedAt = r.ExpiresAt
	case bot.Lost:
		r.EndedAt = bottest.ApprovedAt
	case bot.Void:
		r.EndedAt, r.Changed, r.ReplacedBy = bottest.ApprovedAt, []bot.Difference{bot.Renamed}, "REQ-9GHJKM"
	case bot.Approved:
		r.DueAt = bottest.ApprovedAt
	case bot.Executing:
		attempt(bot.Attempt{})
		r.DueAt = bottest.ApprovedAt
	case bot.Unknown:
		attempt(bot.Attempt{EndedAt: bottest.ApprovedAt.Add(8 * time.Second), Outcome: graph.OutcomeUnknown, Code: graph.CodeTimeout})
		r.DueAt = bottest.ApprovedAt.Add(10 * time.Second)
	case bot.Failed:
		attempt(bot.Attempt{
			EndedAt: bottest.AcceptedAt, Outcome: graph.NotDone, Status: 403, Code: "Authorization_RequestDenied",
			RequestID: yes.RequestID, Remedy: graph.Remedy(403, "Authorization_RequestDenied"),
		})
		r.DueAt = bottest.ApprovedAt.Add(bot.RetryWindow)
	case bot.Drilled:
		attempt(yes)
	case bot.Revoked:
		attempt(yes)
		r.AcceptedAt, r.DueAt = bottest.AcceptedAt, bottest.AcceptedAt.Add(time.Second)
	case bot.Verified:
		attempt(yes)
		moved := graph.Stamps{RefreshTokens: bottest.AcceptedAt, Sessions: bottest.AcceptedAt, ReadAt: bottest.AcceptedAt.Add(time.Second)}
		r.AcceptedAt, r.After = bottest.AcceptedAt, moved
	case bot.NotVisibleYet:
		attempt(yes)
		r.AcceptedAt, r.DueAt = bottest.AcceptedAt, bottest.AcceptedAt.Add(5*time.Minute)
		r.After = graph.Stamps{RefreshTokens: bottest.JanuaryV, Sessions: bottest.JanuaryV, ReadAt: bottest.AcceptedAt.Add(time.Minute)}
	case bot.Unreachable:
		attempt(yes)
		r.AcceptedAt, r.DueAt = bottest.AcceptedAt, bottest.AcceptedAt.Add(5*time.Minute)
	}
}

func ofBob(s *scene) {
	s.r.Lane, s.r.TargetSlackID, s.r.Target.ID = authz.Self, bottest.Bob, bottest.BobID
	s.r.Words = bot.Words{Reason: "left it on the train", DisplayName: "Bob Borrower", UPN: "bob@contoso.example"}
}

// needs makes the request need n approvals; it has those that are listed.
func needs(n int, from ...string) sceneOption {
	return func(s *scene) {
		s.r.Need, s.r.Approvals, s.v.Deciders = n, nil, nil
		for i, id := range from {
			at := bottest.AskedAt.Add(time.Duration(i+1) * time.Minute)
			s.r.Approvals = append(s.r.Approvals, bot.Verdict{Kind: authz.Confirm, SlackID: id, EntraID: id + "-entra", At: at})
		}
		for _, id := range []string{bottest.Alice, bottest.Dave} {
			if !slices.Contains(from, id) {
				s.v.Deciders = append(s.v.Deciders, id)
			}
		}
	}
}

func privileged(f graph.Fact) sceneOption {
	return func(s *scene) {
		s.r.Protected, s.r.Privileged = true, f
		s.v.Policy.Protected = []authz.Protection{{Privileged: true, Approvals: 2}}
	}
}

func frozen(s *scene) {
	s.v.Freeze = &bot.Freeze{
		ID: 1, By: authz.Asker{SlackID: bottest.Dave}, BeganAt: bottest.AskedAt.Add(time.Minute), Until: bottest.AskedAt.Add(time.Hour),
		Reason: "too many at once",
	}
}

// fromMessage is a request that began at a message that everybody can open.
func fromMessage(s *scene) {
	s.r.Words.AddSource(s.r.Requester().SlackID, bot.Source{Channel: "C0ALERTS", TS: "1772620879.000200", Public: true})
	s.v.Sources = map[string]string{s.r.Requester().SlackID: bottest.Alert}
}

// fromPrivate is one that began where not everybody can look.
func fromPrivate(s *scene) {
	s.r.Words.AddSource(s.r.Requester().SlackID, bot.Source{Channel: "C0SECRET", TS: "1772620879.000200"})
}

func stalled(s *scene) { s.r.StalledAt = bottest.AskedAt.Add(20 * time.Minute) }

func executes(s *scene) { s.r.Executes, s.r.ExpiresAt = true, bottest.AskedAt.Add(15*time.Minute) }

func otherRules(s *scene) { s.r.OtherRules = true }

func alone(s *scene) { s.r.Need = 0 }

func replaces(s *scene) { s.r.Replaces = "REQ-ACDEFG" }

func reminded(s *scene) { s.r.Reminded, s.r.RemindedAt = 1, bottest.AskedAt.Add(10*time.Minute) }

func nobodyYet(s *scene) { s.r.Coverage.Able, s.v.Deciders = 0, nil }

func shared(s *scene) { s.r.Coverage.Channel = bot.ChannelShared }

func archived(s *scene) { s.r.Coverage.Channel = bot.ChannelArchived }

func escalated(s *scene) {
	s.r.Escalated = true
	s.v.Policy.Reminders.EscalateTo = authz.Circle{"S0MANAGERS"}
}

func lapsedOnce(s *scene) {
	s.r.Lapsed = []bot.Verdict{{Kind: authz.Confirm, SlackID: bottest.Erin, EntraID: "e-entra", At: bottest.AskedAt.Add(time.Minute)}}
}

func groups(s *scene) {
	s.v.Approvers, s.v.Deciders = []string{"S0SECURITY", bottest.Dave}, []string{"S0SECURITY", bottest.Dave}
}

func over(s *scene) { s.r.ReplacedBy, s.r.Changed = "", []bot.Difference{bot.Gone} }

// undecided makes the decision the policy's: nobody decided in time.
func undecided(s *scene) {
	for i := range s.r.Decisions {
		s.r.Decisions[i] = bot.Verdict{Kind: authz.TimeOut, At: bottest.ApprovedAt}
	}
}

// byBob makes the decision the reporter's own.
func byBob(s *scene) {
	for i := range s.r.Decisions {
		s.r.Decisions[i].SlackID, s.r.Decisions[i].EntraID = bottest.Bob, bottest.BobID
	}
}

// together adds a second approver to the decision.
func together(s *scene) {
	for i := range s.r.Decisions {
		s.r.Decisions[i].Others = []bot.Verdict{
			{Kind: authz.Confirm, SlackID: bottest.Dave, EntraID: "d-entra", At: bottest.AskedAt.Add(time.Second)},
		}
	}
}

// unaskedSlack makes a decided request wait for an answer from Slack.
func unaskedSlack(s *scene) { s.r.Unasked = bot.AtSlack }

// takenBack makes a decision that no longer held when its call was due.
func takenBack(why, lapse authz.Reason, lapsed ...string) sceneOption {
	return func(s *scene) {
		if len(s.r.Decisions) == 0 {
			kind := authz.Confirm
			if len(lapsed) == 0 {
				kind = authz.TimeOut
			}
			s.r.Decisions = []bot.Verdict{{Kind: kind, At: bottest.ApprovedAt}}
		}
		x := bot.Reopening{
			At: bottest.AskedAt.Add(20 * time.Minute), Decision: len(s.r.Decisions), Why: why,
			Undecided: len(lapsed) == 0, Kept: len(s.r.Approvals),
		}
		for _, id := range lapsed {
			x.Lapsed = append(x.Lapsed, bot.Verdict{Kind: authz.Confirm, SlackID: id, EntraID: id + "-entra", At: bottest.ApprovedAt, Why: lapse})
		}
		s.r.Reopened = []bot.Reopening{x}
		if s.r.State == bot.Pending || s.r.State == bot.Expired {
			s.r.AskedAgainAt = x.At
			s.r.ExpiresAt = x.At.Add(8 * time.Hour)
			if s.r.Reminded > 0 {
				s.r.RemindedAt = x.At.Add(10 * time.Minute)
			}
		}
	}
}

func renamed(s *scene) { s.r.Changed = []bot.Difference{bot.Renamed} }

func withoutRecord(s *scene) { s.r.ReplacedBy, s.r.Changed = "", []bot.Difference{bot.Unrecorded} }

func askedElsewhere(s *scene) { s.r.Changed = []bot.Difference{bot.AskedElsewhere} }

func withheld(s *scene) { s.r.Withheld = bot.NoLongerHolds }

func notDone(why authz.Reason) sceneOption {
	return func(s *scene) { s.r.NotExecuted = why }
}

func drill(s *scene) { s.r.Drill = true }

// denyPressed makes Dave press Deny; the form may not have opened.
func denyPressed(s *scene) {
	s.r.DenyAsked = []bot.Verdict{{Kind: authz.Deny, SlackID: bottest.Dave, EntraID: "d-entra", At: bottest.AskedAt.Add(time.Minute)}}
}

// meanwhile makes another request revoke the account.
func meanwhile(change ...func(*bot.Request)) sceneOption {
	return func(s *scene) {
		s.v.Meanwhile = &bot.Request{ID: "REQ-9GHJKM", State: bot.Verified, AcceptedAt: bottest.AskedAt.Add(2 * time.Minute)}
		for _, f := range change {
			f(s.v.Meanwhile)
		}
	}
}

// unmovedYet and unverified change the request that meanwhile revoked the account.
func unmovedYet(r *bot.Request) {
	r.State, r.UnmovedAt = bot.NotVisibleYet, bottest.AskedAt.Add(8*time.Minute)
}

func unverified(r *bot.Request) { r.State = bot.Revoked }

func revokedMeanwhileVoid(s *scene) { s.r.Changed = []bot.Difference{bot.RevokedMeanwhile} }

func guest(s *scene) { s.r.Target.Guest = graph.Yes }

func disabled(s *scene) { s.r.Target.Disabled = graph.Yes }

func synced(s *scene) { s.r.Target.Synced = graph.Yes }

func noDue(s *scene) { s.r.DueAt = time.Time{} }

func noCard(s *scene) { s.v.CardLink = "" }

// channelShut gives the approvers' channel a problem, and tells the approvers.
func channelShut(problem bot.ChannelProblem) func(*scene) {
	return func(s *scene) {
		s.v.Shut, s.v.Able, s.v.Told = problem, []string{bottest.Alice, bottest.Dave}, []string{bottest.Alice, bottest.Dave}
	}
}

func noneTold(s *scene) { s.v.Able, s.v.Told = nil, nil }

func nextDay(s *scene) { s.v.Now = bottest.ApprovedAt.Add(bot.RetryWindow) }

func justRevoked(s *scene) {
	s.r.RevokedBefore = s.r.CreatedAt.Add(-3 * time.Minute)
	s.r.Target.Stamps.RefreshTokens = s.r.RevokedBefore.Add(-time.Second)
}

func justAccepted(s *scene) { s.r.RevokedBefore = s.r.CreatedAt.Add(-3 * time.Minute) }

func justStamped(s *scene) { s.r.Target.Stamps.Sessions = s.r.CreatedAt.Add(-3 * time.Minute) }

func restricted(s *scene) { s.r.Target.Restricted = graph.Yes }

func hasLeft(s *scene) {
	s.r.TargetSlackID, s.r.TargetLeft, s.r.TargetAlso = "", bottest.Carol, []string{bottest.Carol}
}

func leftInMap(s *scene) {
	s.v.Policy.Identity = authz.Identity{ByMap: true, ByEmail: true, Map: map[string]string{s.r.TargetLeft: bottest.CarolID}}
}

func holdsRole(s *scene) { s.r.Privileged = graph.Yes }

func noSignIn(s *scene) { s.r.SignedIn = time.Time{} }

// byGroup protects the target by a group, and not by a role.
func byGroup(s *scene) {
	s.r.Protected = true
	s.v.Policy.Protected = []authz.Protection{{Groups: authz.Circle{"S0BOARD"}, Approvals: 2}}
}

func unread(s *scene) {
	s.r.Target.Guest, s.r.Target.Disabled, s.r.Target.Synced, s.r.Target.Stamps = graph.Unknown, graph.Unknown, graph.Unknown, graph.Stamps{}
	s.r.Target.Restricted, s.r.Privileged, s.r.SignedIn, s.r.SignInsRead = graph.Unknown, graph.Unknown, time.Time{}, false
	s.r.Words.Reason = ""
}

func joined(s *scene) {
	if len(s.r.Askers) == 1 {
		s.r.Askers = append(s.r.Askers, authz.Asker{SlackID: bottest.Erin, EntraID: "e-entra"})
	}
	s.r.Words.Also = map[string]string{bottest.Erin: "she phoned me"}
}

func cancelWish(s *scene) { s.r.CancelAskedAt = s.r.CreatedAt.Add(90 * time.Second) }

func seen(s *scene) {
	s.r.Seen = true
	for i := range s.r.Attempts {
		s.r.Attempts[i].Outcome, s.r.Attempts[i].Status, s.r.Attempts[i].RequestID = graph.OutcomeUnknown, 0, ""
	}
}

// twice adds a second call without a clear answer, the last.
func twice(s *scene) {
	if len(s.r.Attempts) == 1 {
		again := s.r.Attempts[0]
		again.BeganAt, again.EndedAt = again.BeganAt.Add(20*time.Second), again.EndedAt.Add(20*time.Second)
		again.Status = 502
		s.r.Attempts = append(s.r.Attempts, again)
	}
}

// patienceOver ends the retries with a call that Microsoft did not accept.
func patienceOver(asked time.Duration) sceneOption {
	return func(s *scene) {
		for i := range s.r.Attempts {
			a := &s.r.Attempts[i]
			a.Status, a.Code, a.Remedy = 423, "", graph.Remedy(423, "")
			a.Wait, a.Asked = max(asked, time.Second), asked > 0
		}
	}
}

// toldUnmoved tells people that the account still does not show the revoke.
func toldUnmoved(s *scene) {
	s.r.UnmovedAt = bottest.AcceptedAt.Add(6 * time.Minute)
	if s.r.State == bot.NotVisibleYet {
		s.r.After.ReadAt = s.r.UnmovedAt
		s.r.DueAt = s.r.UnmovedAt.Add(15 * time.Minute)
	}
	if s.r.State == bot.Unreachable {
		s.r.After = graph.Stamps{RefreshTokens: bottest.JanuaryV, Sessions: bottest.JanuaryV, ReadAt: s.r.UnmovedAt}
		s.r.DueAt = s.r.UnmovedAt.Add(75 * time.Minute)
	}
	if s.r.State == bot.Verified {
		s.r.After.ReadAt = s.r.UnmovedAt.Add(15 * time.Minute)
	}
}

// toldUnread tells people that the account cannot be read.
func toldUnread(s *scene) {
	s.r.UnreadAt = bottest.AcceptedAt.Add(6 * time.Minute)
	if s.r.State == bot.Unreachable {
		s.r.DueAt = s.r.UnreadAt.Add(15 * time.Minute)
	}
}

func minuteLater(s *scene) { s.v.Now = bottest.ApprovedAt.Add(bot.UnknownSoon) }

func unreadSince(s *scene) { s.r.Unread = true }

// changedBefore moves the stamp, but not by our call.
func changedBefore(s *scene) {
	moved := bottest.AskedAt.Add(-time.Hour)
	s.r.After = graph.Stamps{RefreshTokens: moved, Sessions: moved, ReadAt: bottest.ApprovedAt.Add(time.Minute)}
}

// died makes the process end during the call.
func died(s *scene) {
	for i := range s.r.Attempts {
		a := &s.r.Attempts[i]
		a.Outcome, a.EndedAt, a.Code = graph.OutcomeUnknown, a.BeganAt, bot.CodeInterrupted
	}
}

// waits makes the request wait after a call that Microsoft did not accept.
func waits(status int, wait time.Duration) sceneOption {
	return func(s *scene) {
		if len(s.r.Decisions) == 1 && len(s.r.Attempts) == 0 {
			s.r.Attempts = []bot.Attempt{{
				Decision: 1, BeganAt: bottest.ApprovedAt, EndedAt: bottest.AcceptedAt, Outcome: graph.NotDone, Status: status, Wait: wait,
				Remedy: graph.Remedy(status, ""), Asked: status == 429,
			}}
			s.r.DueAt = bottest.AcceptedAt.Add(wait)
		}
	}
}

// behind makes the request wait behind n others.
func behind(n int) sceneOption {
	return func(s *scene) {
		s.r.Line = &bot.Line{At: bottest.AcceptedAt, Ahead: n}
		s.r.DueAt = bottest.AcceptedAt.Add(time.Minute)
	}
}

// afterUnclear adds a call of unknown outcome before the refused one.
func afterUnclear(s *scene) {
	if len(s.r.Attempts) == 1 {
		began, ended := bottest.ApprovedAt.Add(-20*time.Second), bottest.ApprovedAt.Add(-12*time.Second)
		first := bot.Attempt{Decision: 1, BeganAt: began, EndedAt: ended, Outcome: graph.OutcomeUnknown}
		s.r.Attempts = []bot.Attempt{first, s.r.Attempts[0]}
	}
}

func unreached(s *scene) {
	for i := range s.r.Attempts {
		s.r.Attempts[i].Status, s.r.Attempts[i].Code, s.r.Attempts[i].RequestID = 0, graph.CodeDNS, ""
		s.r.Attempts[i].Remedy = graph.Remedy(0, graph.CodeDNS)
	}
}

// possible reports whether a real request, or a drill, can have this state.
func possible(state bot.State, inDrill bool) bool {
	if inDrill {
		return !state.Accepted() && state != bot.Unknown
	}
	return state != bot.Drilled
}

// scenes are a request in every possible state, in both lanes, real and as a drill, and
// then each other fact that changes a message.
func scenes() []scene {
	var all []scene
	for _, state := range bot.States {
		for _, lane := range []authz.Lane{authz.ThirdParty, authz.Self} {
			for _, inDrill := range []bool{false, true} {
				if !possible(state, inDrill) || lane == authz.Self && state == bot.Cancelled {
					continue // nobody can cancel their own report alone
				}
				var options []sceneOption
				name := fmt.Sprintf("%s_%s", state, lane)
				if lane == authz.Self {
					options = append(options, ofBob)
				}
				if inDrill {
					name, options = name+"_drill", append(options, drill)
				}
				all = append(all, newScene(name, state, options...))
			}
		}
	}
	return append(all,
		newScene("pending_from_message", bot.Pending, fromMessage),
		newScene("pending_from_private", bot.Pending, fromPrivate),
		newScene("pending_guest", bot.Pending, guest),
		newScene("pending_disabled_and_synced", bot.Pending, disabled, synced),
		newScene("pending_facts_unknown", bot.Pending, unread),
		newScene("pending_just_revoked", bot.Pending, justRevoked),
		newScene("pending_just_revoked_drill", bot.Pending, justRevoked, drill),
		newScene("pending_just_accepted", bot.Pending, justAccepted),
		newScene("pending_just_accepted_unread", bot.Pending, justAccepted, unread),
		newScene("pending_just_stamped", bot.Pending, justStamped),
		newScene("pending_restricted", bot.Pending, restricted),
		newScene("pending_left", bot.Pending, hasLeft),
		newScene("pending_left_mapped", bot.Pending, hasLeft, leftInMap),
		newScene("pending_holds_role", bot.Pending, holdsRole),
		newScene("pending_holds_role_protected", bot.Pending, needs(2), byGroup, holdsRole),
		newScene("pending_no_sign_in", bot.Pending, noSignIn),
		newScene("pending_joined", bot.Pending, joined),
		newScene("pending_card_not_posted", bot.Pending, noCard),
		newScene("pending_channel_without", bot.Pending, noCard, channelShut(bot.ChannelWithout)),
		newScene("pending_channel_missing_none_told", bot.Pending, noCard, channelShut(bot.ChannelMissing), noneTold),
		newScene("pending_channel_archived_card_stands", bot.Pending, ofBob, channelShut(bot.ChannelArchived)),
		newScene("pending_channel_closed_drill", bot.Pending, drill, noCard, channelShut(bot.ChannelClosed)),
		newScene("pending_cancel_asked_channel_archived", bot.Pending, ofBob, cancelWish, channelShut(bot.ChannelArchived)),
		newScene("revoked_channel_archived", bot.Revoked, channelShut(bot.ChannelArchived)),
		newScene("failed_channel_archived", bot.Failed, channelShut(bot.ChannelArchived)),
		newScene("unknown_channel_archived", bot.Unknown, channelShut(bot.ChannelArchived)),
		newScene("denied_channel_archived", bot.Denied, channelShut(bot.ChannelArchived)),
		newScene("pending_one_of_two", bot.Pending, needs(2, bottest.Alice)),
		newScene("pending_privileged", bot.Pending, needs(2), privileged(graph.Yes)),
		newScene("pending_privileged_unknown", bot.Pending, needs(2), privileged(graph.Unknown)),
		newScene("pending_frozen", bot.Pending, frozen),
		newScene("pending_self_frozen", bot.Pending, ofBob, frozen),
		newScene("pending_self_executes", bot.Pending, ofBob, executes),
		newScene("pending_self_executes_other_rules", bot.Pending, ofBob, executes, otherRules),
		newScene("pending_self_executes_frozen", bot.Pending, ofBob, executes, frozen),
		newScene("pending_self_alone", bot.Pending, ofBob, alone),
		newScene("pending_self_alone_drill", bot.Pending, ofBob, alone, drill),
		newScene("pending_again", bot.Pending, replaces),
		newScene("pending_reminded", bot.Pending, reminded),
		newScene("pending_self_reminded_executes", bot.Pending, ofBob, reminded, executes),
		newScene("pending_reminded_one_of_two", bot.Pending, reminded, needs(2, bottest.Alice)),
		newScene("pending_escalated", bot.Pending, escalated),
		newScene("pending_nobody_able", bot.Pending, nobodyYet),
		newScene("pending_self_channel_archived", bot.Pending, ofBob, archived),
		newScene("pending_channel_shared", bot.Pending, shared),
		newScene("pending_lapsed", bot.Pending, needs(2), lapsedOnce),
		newScene("pending_groups", bot.Pending, groups),
		newScene("approved_frozen", bot.Approved, frozen),
		newScene("approved_by_two", bot.Approved, together),
		newScene("approved_unasked", bot.Approved, unaskedSlack),
		newScene("approved_unasked_drill", bot.Approved, drill, unaskedSlack),
		newScene("pending_reopened", bot.Pending, takenBack(bot.NoLongerHolds, authz.NotApprover, bottest.Alice)),
		newScene("pending_reopened_one_of_two", bot.Pending, needs(2, bottest.Dave),
			takenBack(bot.NoLongerHolds, authz.AccountBlocked, bottest.Alice)),
		newScene("pending_reopened_too_old", bot.Pending, together, takenBack(bot.TooOld, bot.TooOld, bottest.Dave, bottest.Alice)),
		newScene("pending_reopened_drill", bot.Pending, drill, takenBack(bot.TooOld, bot.TooOld, bottest.Alice)),
		newScene("pending_reopened_undecided", bot.Pending, ofBob, takenBack(authz.TargetProtected, "")),
		newScene("pending_reopened_undecided_too_old", bot.Pending, ofBob, takenBack(bot.TooOld, "")),
		newScene("pending_reopened_reminded", bot.Pending, reminded, takenBack(bot.NoLongerHolds, authz.Guest, bottest.Alice)),
		newScene("expired_reopened", bot.Expired, takenBack(bot.NoLongerHolds, authz.NotApprover, bottest.Alice)),
		newScene("failed_taken_back", bot.Failed, takenBack(bot.NoLongerHolds, authz.NotApprover, bottest.Alice)),
		newScene("failed_taken_back_after_unclear", bot.Failed, afterUnclear, takenBack(bot.TooOld, bot.TooOld, bottest.Alice)),
		newScene("failed_taken_back_changed", bot.Failed, takenBack(bot.TargetChanged, bot.TargetChanged, bottest.Alice), renamed),
		newScene("void_unrecorded", bot.Void, withoutRecord),
		newScene("void_asked_elsewhere", bot.Void, askedElsewhere),
		newScene("unknown_withheld", bot.Unknown, withheld),
		newScene("unknown_withheld_stuck", bot.Unknown, minuteLater, withheld),
		newScene("pending_self_not_executed", bot.Pending, ofBob, notDone(authz.TargetProtected)),
		newScene("pending_self_not_executed_deny", bot.Pending, ofBob, notDone(bot.DenyAsked), denyPressed),
		newScene("pending_self_not_executed_meanwhile", bot.Pending, ofBob, notDone(bot.RevokedAlready), meanwhile()),
		newScene("pending_deny_asked", bot.Pending, denyPressed),
		newScene("approved_waits_deny_asked", bot.Approved, waits(429, 40*time.Second), denyPressed),
		newScene("pending_revoked_meanwhile", bot.Pending, meanwhile()),
		newScene("pending_revoked_meanwhile_unmoved", bot.Pending, meanwhile(unmovedYet)),
		newScene("pending_revoked_meanwhile_unverified", bot.Pending, meanwhile(unverified)),
		newScene("pending_self_revoked_meanwhile_unverified", bot.Pending, ofBob, executes, meanwhile(unverified)),
		newScene("pending_revoked_meanwhile_guest", bot.Pending, guest, meanwhile()),
		newScene("failed_revoked_meanwhile", bot.Failed, meanwhile()),
		newScene("approved_waits_revoked_meanwhile", bot.Approved, waits(429, 40*time.Second), meanwhile()),
		newScene("approved_frozen_revoked_meanwhile", bot.Approved, frozen, meanwhile()),
		newScene("void_revoked_meanwhile", bot.Void, revokedMeanwhileVoid),
		newScene("pending_self_not_executed_policy", bot.Pending, ofBob, notDone(bot.PolicyChanged)),
		newScene("pending_self_not_executed_roles", bot.Pending, ofBob, notDone(bot.ProtectionUnknown)),
		newScene("pending_self_not_executed_unread", bot.Pending, ofBob, notDone(bot.LookupFailed)),
		newScene("pending_self_not_executed_late", bot.Pending, ofBob, notDone(bot.TooOld)),
		newScene("pending_self_not_executed_time", bot.Pending, ofBob, notDone(bot.TimeUnclear)),
		newScene("pending_self_not_executed_limit", bot.Pending, ofBob, notDone(bot.OverLimit)),
		newScene("pending_self_not_executed_total", bot.Pending, ofBob, notDone(bot.OverTotal)),
		newScene("verified_by_two", bot.Verified, together),
		newScene("failed_by_two_one_again", bot.Failed, together, needs(2, bottest.Alice)),
		newScene("failed_by_three_one_again", bot.Failed, needs(3, bottest.Alice)),
		newScene("failed_frozen", bot.Failed, frozen),
		newScene("failed_self_alone", bot.Failed, ofBob, alone),
		newScene("verified_self_undecided", bot.Verified, ofBob, undecided),
		newScene("failed_self_undecided", bot.Failed, ofBob, undecided),
		newScene("expired_one_of_two", bot.Expired, needs(2, bottest.Alice)),
		newScene("void_gone", bot.Void, over),
		newScene("pending_self_cancel_asked", bot.Pending, ofBob, cancelWish),
		newScene("pending_self_cancel_asked_drill", bot.Pending, ofBob, cancelWish, drill),
		newScene("approved_waits_429", bot.Approved, waits(429, 30*time.Second)),
		newScene("approved_waits_429_stalled", bot.Approved, waits(429, 30*time.Second), stalled),
		newScene("approved_waits_stalled_drill", bot.Approved, drill, waits(429, 30*time.Second), stalled),
		newScene("executing_stalled", bot.Executing, stalled),
		newScene("unknown_self_stalled", bot.Unknown, ofBob, stalled),
		newScene("revoked_stalled", bot.Revoked, stalled),
		newScene("not_visible_yet_stalled", bot.NotVisibleYet, stalled),
		newScene("pending_self_executes_stalled", bot.Pending, ofBob, executes, stalled),
		newScene("approved_waits_429_drill", bot.Approved, drill, waits(429, 30*time.Second)),
		newScene("approved_waits_after_unclear", bot.Approved, waits(429, 30*time.Second), afterUnclear),
		newScene("approved_waits_unreachable", bot.Approved, waits(0, 4*time.Second)),
		newScene("approved_waits_in_line", bot.Approved, waits(429, 30*time.Second), behind(2)),
		newScene("approved_other_rules", bot.Approved, otherRules),
		newScene("approved_queued", bot.Approved, behind(1)),
		newScene("approved_queued_next", bot.Approved, ofBob, behind(0)),
		newScene("approved_queued_drill", bot.Approved, drill, behind(12)),
		newScene("unknown_process_died", bot.Unknown, died),
		newScene("unknown_stuck", bot.Unknown, twice),
		newScene("unknown_stuck_needs_two", bot.Unknown, needs(2), twice),
		newScene("unknown_stuck_self", bot.Unknown, ofBob, twice),
		newScene("unknown_stuck_unread", bot.Unknown, minuteLater, unreadSince),
		newScene("unknown_stuck_changed", bot.Unknown, minuteLater, changedBefore),
		newScene("unknown_stuck_next_day", bot.Unknown, twice, nextDay, noDue),
		newScene("revoked_guest", bot.Revoked, guest),
		newScene("revoked_synced", bot.Revoked, synced),
		newScene("revoked_self_guest", bot.Revoked, ofBob, guest),
		newScene("revoked_facts_unknown", bot.Revoked, unread),
		newScene("verified_seen", bot.Verified, seen),
		newScene("verified_joined", bot.Verified, joined),
		newScene("not_visible_yet_told", bot.NotVisibleYet, toldUnmoved),
		newScene("not_visible_yet_told_joined_by_two", bot.NotVisibleYet, toldUnmoved, joined, together),
		newScene("not_visible_yet_told_self", bot.NotVisibleYet, ofBob, toldUnmoved),
		newScene("not_visible_yet_told_self_alone", bot.NotVisibleYet, ofBob, alone, byBob, toldUnmoved),
		newScene("not_visible_yet_told_self_undecided", bot.NotVisibleYet, ofBob, undecided, toldUnmoved),
		newScene("not_visible_yet_told_synced", bot.NotVisibleYet, synced, toldUnmoved),
		newScene("not_visible_yet_told_seen", bot.NotVisibleYet, seen, toldUnmoved),
		newScene("not_visible_yet_told_given_up", bot.NotVisibleYet, toldUnmoved, noDue),
		newScene("not_visible_yet_told_after_unread", bot.NotVisibleYet, toldUnread, toldUnmoved),
		newScene("not_visible_yet_guest", bot.NotVisibleYet, guest),
		newScene("not_visible_yet_guest_given_up", bot.NotVisibleYet, guest, noDue),
		newScene("unreachable_told", bot.Unreachable, toldUnread),
		newScene("unreachable_told_self", bot.Unreachable, ofBob, toldUnread),
		newScene("unreachable_told_given_up", bot.Unreachable, toldUnread, noDue),
		newScene("unreachable_told_unmoved", bot.Unreachable, toldUnmoved),
		newScene("verified_told_unmoved", bot.Verified, toldUnmoved),
		newScene("verified_told_unmoved_self", bot.Verified, ofBob, toldUnmoved),
		newScene("verified_told_unread", bot.Verified, toldUnread),
		newScene("failed_out_of_patience", bot.Failed, patienceOver(0)),
		newScene("failed_asked_to_wait", bot.Failed, patienceOver(time.Hour)),
		newScene("approved_waits_423", bot.Approved, waits(423, 4*time.Second)),
		newScene("not_visible_yet_given_up", bot.NotVisibleYet, noDue),
		newScene("unreachable_given_up", bot.Unreachable, noDue),
		newScene("failed_unreachable", bot.Failed, unreached),
		newScene("failed_after_unclear", bot.Failed, afterUnclear),
		newScene("failed_next_day", bot.Failed, nextDay, noDue),
		newScene("cancelled_joined", bot.Cancelled, joined),
	)
}

// saying is one message of a scene.
type saying struct {
	scene scene
	// key is the key of a Post ("card", "receipt:U…", "result:1"), or names a private
	// answer.
	key string
	m   bot.Message
}

func (s saying) String() string { return s.scene.name + " " + s.key }

// kind is the first part of the key.
func (s saying) kind() string {
	kind, _, _ := strings.Cut(s.key, ":")
	return kind
}

// sayings are all messages of a scene: the posts that the request owes, and the answers
// to its commands.
func sayings(s scene) []saying {
	var all []saying
	add := func(key string, m bot.Message) { all = append(all, saying{s, key, m}) }
	places := map[string]bot.Place{}
	for _, p := range Plan(&s.r, s.v, bottest.Cards, places) {
		add(p.Key, p.Draw(&s.r, s.v))
		places[p.Key] = bot.Place{Key: p.Key, Channel: "D1", TS: "1.1"} // a receipt looks at the others
	}
	add("status", Status(&s.r, s.v))
	if s.r.State == bot.Pending {
		add("received", Received(&s.r, s.v))
		add("joined_now", Joined(&s.r, s.v, "UBOB", true))
		add("joined_before", Joined(&s.r, s.v, "UBOB", false))
		if s.r.Lane == authz.Self {
			add("cancel_answer", CancelAsked(&s.r, s.v))
		}
	}
	return all
}

func allSayings() []saying {
	var all []saying
	for _, s := range scenes() {
		all = append(all, sayings(s)...)
	}
	return all
}

// everySaying adds to allSayings the messages after a refusal of Slack's.
func everySaying() []saying {
	all := allSayings()
	for _, s := range scenes() {
		all = append(all, detours(s)...)
	}
	return all
}

// detours are the messages of a scene after Slack refused another message.
func detours(s scene) (all []saying) {
	add := func(key string, m bot.Message) { all = append(all, saying{s, key, m}) }
	plain, _ := Instead(card(&s.r, s.v), "invalid_blocks")
	add("card_plain", plain)
	full := receipt(&s.r, s.v, bottest.Bob)
	add("receipt_untold", full) // no other message tells the outcome
	words, _ := Instead(full, "msg_too_long")
	add("receipt_words", words)
	add("untold", UntoldNote(&s.r, bottest.Bob, bot.NoTab))
	add("untold_told", toldSince(&s.r, bottest.Bob, false))
	add("untold_answered", toldSince(&s.r, bottest.Bob, true))
	add("unreached_over", noConcern(&s.r))
	if s.r.State != bot.Pending || s.v.CardLink != "" || s.v.Shut != "" {
		add("unreached_now", unreachedNote(&s.r, s.v))
		if !s.r.CancelAskedAt.IsZero() {
			add("unreached_cancel_now", cancelUnreached(&s.r, s.v))
		}
	}
	if s.r.OnlySelf() && s.r.State == bot.Pending {
		add("no_button", NoButton(&s.r, bot.NoTab, bottest.Emergency))
	}
	return all
}

// Each state and each kind of message has a scene.
func TestScenes_ShowEverything(t *testing.T) {
	states, kinds, names := map[bot.State]bool{}, map[string]bool{}, map[string]bool{}
	for _, s := range scenes() {
		states[s.r.State] = true
		if names[s.name] {
			t.Errorf("two scenes are called %s", s.name)
		}
		names[s.name] = true
		for _, m := range sayings(s) {
			kinds[m.kind()] = true
		}
	}
	for _, state := range bot.States {
		if !states[state] {
			t.Errorf("no scene shows %s", state)
		}
	}
	for _, kind := range []string{
		"card", "unknown", "result", "joined", "cancel", "receipt", "outcome", "target", "approval", "lapsed", "reopened", "not_executed", "reminder",
		"unmoved", "unmoved_note", "unread", "unread_note", "escalation", "unreached", "unreached_cancel", "elsewhere",
		"status", "received", "joined_now", "joined_before", "cancel_answer",
	} {
		if !kinds[kind] {
			t.Errorf("no scene has a message %q", kind)
		}
	}
}
