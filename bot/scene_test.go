package bot

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// The story that all scenes tell, to the second.
var (
	askedAt    = time.Date(2026, time.March, 4, 10, 41, 19, 0, time.UTC)
	approvedAt = askedAt.Add(41 * time.Second)
	acceptedAt = askedAt.Add(48 * time.Second)
	januaryV   = time.Date(2026, time.January, 5, 8, 0, 0, 0, time.UTC)
	today      = askedAt.Add(time.Hour) // when somebody looks
)

const (
	carolID   = "0c0c0c0c-1111-4222-8333-444444444444"
	bobID     = "0b0b0b0b-1111-4222-8333-444444444444"
	reason    = "stolen laptop"
	emergency = "Call 555-0100."
)

// scene is a request at one moment of its life, and who looks at it.
type scene struct {
	name string
	r    Request
	v    View
}

// sceneOption changes a scene before its state is reached.
type sceneOption func(*scene)

// newScene takes a request about Carol, asked by Bob, to a state the way the
// bot does it.
func newScene(name string, state State, options ...sceneOption) scene {
	s := scene{name: name, r: Request{
		ID: "REQ-7F3K4M", Version: 3, State: state, Lane: authz.ThirdParty, Operation: graph.InvalidateAllRefreshTokens,
		Askers: []authz.Asker{{SlackID: bob, EntraID: bobID}},
		Target: graph.User{
			ID: carolID, Guest: graph.No, Disabled: graph.No, Synced: graph.No, Restricted: graph.No,
			Stamps: graph.Stamps{RefreshTokens: januaryV, Sessions: januaryV, ReadAt: askedAt},
		},
		Privileged: graph.No, SignedIn: askedAt.Add(-26 * time.Hour), SignInsRead: true,
		TargetSlackID: carol,
		Need:          1, Coverage: Coverage{Known: true, Able: 2},
		CreatedAt: askedAt, ExpiresAt: askedAt.Add(8 * time.Hour), DueAt: askedAt.Add(8 * time.Hour),
		Words: Words{Reason: reason, DisplayName: "Carol Target", UPN: "carol@contoso.example"},
	}, v: View{Now: today, Approvers: []string{alice, dave}, Deciders: []string{alice, dave}, Readers: []string{alice, dave}, Policy: new(authz.New(alice, dave)), Patience: DefaultTiming().Patience, Emergency: emergency, CardLink: liveCard}}
	for _, o := range options {
		o(&s)
	}
	reach(&s.r, state)
	if state == Unknown {
		s.v.Now = approvedAt.Add(10 * time.Second)
	}
	for _, o := range options {
		o(&s)
	}
	return s
}

// reach fills in what a request has gathered on its way to a state.
func reach(r *Request, state State) {
	verdict := func(kind authz.Action, who, entra string) {
		r.Decisions = []Verdict{{Kind: kind, SlackID: who, EntraID: entra, At: approvedAt}}
	}
	attempt := func(a Attempt) {
		a.Decision, a.BeganAt = len(r.Decisions), approvedAt
		r.Attempts = append(r.Attempts, a)
	}
	yes := Attempt{
		EndedAt: acceptedAt, Outcome: graph.Done, Status: 204,
		RequestID: "5f1d6e2a-0000-4000-8000-00000000000a", ClientRequestID: "5f1d6e2a-0000-4000-8000-00000000000b",
	}
	r.DueAt = time.Time{}
	if state != Pending && !state.Undone() {
		verdict(authz.Confirm, alice, "a-entra")
		r.Before = graph.Stamps{RefreshTokens: januaryV, Sessions: januaryV, ReadAt: approvedAt}
	}
	switch state {
	case Pending:
		r.DueAt = r.ExpiresAt
	case Denied:
		r.Words.Denied = "wrong person"
		verdict(authz.Deny, alice, "a-entra")
		r.EndedAt = approvedAt
	case Cancelled:
		verdict(authz.Cancel, bob, bobID)
		r.EndedAt = approvedAt
	case Expired:
		r.EndedAt = r.ExpiresAt
	case Lost:
		r.EndedAt = approvedAt
	case Void:
		r.EndedAt, r.Changed, r.ReplacedBy = approvedAt, []Difference{Renamed}, "REQ-9GHJKM"
	case Approved:
		r.DueAt = approvedAt
	case Executing:
		attempt(Attempt{})
		r.DueAt = approvedAt
	case Unknown:
		attempt(Attempt{EndedAt: approvedAt.Add(8 * time.Second), Outcome: graph.OutcomeUnknown, Code: graph.CodeTimeout})
		r.DueAt = approvedAt.Add(10 * time.Second)
	case Failed:
		attempt(Attempt{
			EndedAt: acceptedAt, Outcome: graph.NotDone, Status: 403, Code: "Authorization_RequestDenied",
			RequestID: yes.RequestID, Remedy: graph.Remedy(403, "Authorization_RequestDenied"),
		})
		r.DueAt = approvedAt.Add(retryWindow)
	case Drilled:
		attempt(yes)
	case Revoked:
		attempt(yes)
		r.AcceptedAt, r.DueAt = acceptedAt, acceptedAt.Add(time.Second)
	case Verified:
		attempt(yes)
		moved := graph.Stamps{RefreshTokens: acceptedAt, Sessions: acceptedAt, ReadAt: acceptedAt.Add(time.Second)}
		r.AcceptedAt, r.After = acceptedAt, moved
	case NotVisibleYet:
		attempt(yes)
		r.AcceptedAt, r.DueAt = acceptedAt, acceptedAt.Add(5*time.Minute)
		r.After = graph.Stamps{RefreshTokens: januaryV, Sessions: januaryV, ReadAt: acceptedAt.Add(time.Minute)}
	case Unreachable:
		attempt(yes)
		r.AcceptedAt, r.DueAt = acceptedAt, acceptedAt.Add(5*time.Minute)
	}
}

func ofBob(s *scene) {
	s.r.Lane, s.r.TargetSlackID, s.r.Target.ID = authz.Self, bob, bobID
	s.r.Words = Words{Reason: "left it on the train", DisplayName: "Bob Borrower", UPN: "bob@contoso.example"}
}

// needs makes the request need several approvals, of which some have come.
func needs(n int, from ...string) sceneOption {
	return func(s *scene) {
		s.r.Need, s.r.Approvals, s.v.Deciders = n, nil, nil
		for i, id := range from {
			s.r.Approvals = append(s.r.Approvals, Verdict{Kind: authz.Confirm, SlackID: id, EntraID: id + "-entra", At: askedAt.Add(time.Duration(i+1) * time.Minute)})
		}
		for _, id := range []string{alice, dave} {
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
	s.v.Freeze = &Freeze{ID: 1, By: authz.Asker{SlackID: dave}, BeganAt: askedAt.Add(time.Minute), Until: askedAt.Add(time.Hour), Reason: "too many at once"}
}
func stalled(s *scene)    { s.r.StalledAt = askedAt.Add(20 * time.Minute) }
func executes(s *scene)   { s.r.Executes, s.r.ExpiresAt = true, askedAt.Add(15*time.Minute) }
func otherRules(s *scene) { s.r.OtherRules = true }
func alone(s *scene)      { s.r.Need = 0 }
func replaces(s *scene)   { s.r.Replaces = "REQ-ACDEFG" }
func reminded(s *scene)   { s.r.Reminded, s.r.RemindedAt = 1, askedAt.Add(10*time.Minute) }
func nobodyYet(s *scene)  { s.r.Coverage.Able, s.v.Deciders = 0, nil }
func shared(s *scene)     { s.r.Coverage.Channel = ChannelShared }
func archived(s *scene)   { s.r.Coverage.Channel = ChannelArchived }
func escalated(s *scene) {
	s.r.Escalated = true
	s.v.Policy.Reminders.EscalateTo = authz.Circle{"S0MANAGERS"}
}
func lapsedOnce(s *scene) {
	s.r.Lapsed = []Verdict{{Kind: authz.Confirm, SlackID: erin, EntraID: "e-entra", At: askedAt.Add(time.Minute)}}
}
func groups(s *scene) {
	s.v.Approvers, s.v.Deciders = []string{"S0SECURITY", dave}, []string{"S0SECURITY", dave}
}
func over(s *scene) { s.r.ReplacedBy, s.r.Changed = "", []Difference{Gone} }

// undecided is an approval by nobody: the policy's.
func undecided(s *scene) {
	for i := range s.r.Decisions {
		s.r.Decisions[i] = Verdict{Kind: authz.TimeOut, At: approvedAt}
	}
}

// byBob is a decision of the reporter's own.
func byBob(s *scene) {
	for i := range s.r.Decisions {
		s.r.Decisions[i].SlackID, s.r.Decisions[i].EntraID = bob, bobID
	}
}

// together is a decision that took two.
func together(s *scene) {
	for i := range s.r.Decisions {
		s.r.Decisions[i].Others = []Verdict{{Kind: authz.Confirm, SlackID: dave, EntraID: "d-entra", At: askedAt.Add(time.Second)}}
	}
}

// unaskedSlack: a decision that has waited waits for Slack.
func unaskedSlack(s *scene) { s.r.Unasked = atSlack }

// takenBack: Alice's decision did not hold any more when it was to be carried out.
func takenBack(why, lapse authz.Reason, lapsed ...string) sceneOption {
	return func(s *scene) {
		if len(s.r.Decisions) == 0 {
			kind := authz.Confirm
			if len(lapsed) == 0 {
				kind = authz.TimeOut
			}
			s.r.Decisions = []Verdict{{Kind: kind, At: approvedAt}}
		}
		x := Reopening{At: askedAt.Add(20 * time.Minute), Decision: len(s.r.Decisions), Why: why, Undecided: len(lapsed) == 0, Kept: len(s.r.Approvals)}
		for _, id := range lapsed {
			x.Lapsed = append(x.Lapsed, Verdict{Kind: authz.Confirm, SlackID: id, EntraID: id + "-entra", At: approvedAt, Why: lapse})
		}
		s.r.Reopened = []Reopening{x}
		if s.r.State == Pending || s.r.State == Expired {
			s.r.AskedAgainAt = x.At
			s.r.ExpiresAt = x.At.Add(8 * time.Hour)
			if s.r.Reminded > 0 {
				s.r.RemindedAt = x.At.Add(10 * time.Minute)
			}
		}
	}
}
func renamed(s *scene)        { s.r.Changed = []Difference{Renamed} }
func withoutRecord(s *scene)  { s.r.ReplacedBy, s.r.Changed = "", []Difference{Unrecorded} }
func askedElsewhere(s *scene) { s.r.Changed = []Difference{AskedElsewhere} }
func withheld(s *scene)       { s.r.Withheld = NoLongerHolds }
func notDone(why authz.Reason) sceneOption {
	return func(s *scene) { s.r.NotExecuted = why }
}
func drill(s *scene) { s.r.Drill = true }

// denyPressed: Dave has pressed Deny, and no form is known to have opened.
func denyPressed(s *scene) {
	s.r.DenyAsked = []Verdict{{Kind: authz.Deny, SlackID: dave, EntraID: "d-entra", At: askedAt.Add(time.Minute)}}
}

// meanwhile: another request had the account revoked.
func meanwhile(change ...func(*Request)) sceneOption {
	return func(s *scene) {
		s.v.Meanwhile = &Request{ID: "REQ-9GHJKM", State: Verified, AcceptedAt: askedAt.Add(2 * time.Minute)}
		for _, f := range change {
			f(s.v.Meanwhile)
		}
	}
}

func revokedMeanwhileVoid(s *scene) { s.r.Changed = []Difference{RevokedMeanwhile} }
func guest(s *scene)                { s.r.Target.Guest = graph.Yes }
func disabled(s *scene)             { s.r.Target.Disabled = graph.Yes }
func synced(s *scene)               { s.r.Target.Synced = graph.Yes }
func noDue(s *scene)                { s.r.DueAt = time.Time{} }
func noCard(s *scene)               { s.v.CardLink = "" }

// channelShut: the approvers' channel cannot be posted to, and they know.
func channelShut(problem ChannelProblem) func(*scene) {
	return func(s *scene) { s.v.Shut, s.v.Able, s.v.Told = problem, []string{alice, dave}, []string{alice, dave} }
}
func noneTold(s *scene) { s.v.Able, s.v.Told = nil, nil }

func nextDay(s *scene) { s.v.Now = approvedAt.Add(retryWindow) }
func justRevoked(s *scene) {
	s.r.RevokedBefore = s.r.CreatedAt.Add(-3 * time.Minute)
	s.r.Target.Stamps.RefreshTokens = s.r.RevokedBefore.Add(-time.Second)
}
func justAccepted(s *scene) { s.r.RevokedBefore = s.r.CreatedAt.Add(-3 * time.Minute) }
func justStamped(s *scene)  { s.r.Target.Stamps.Sessions = s.r.CreatedAt.Add(-3 * time.Minute) }
func restricted(s *scene)   { s.r.Target.Restricted = graph.Yes }
func hasLeft(s *scene) {
	s.r.TargetSlackID, s.r.TargetLeft, s.r.TargetAlso = "", carol, []string{carol}
}
func leftInMap(s *scene) {
	s.v.Policy.Identity = authz.Identity{ByMap: true, ByEmail: true, Map: map[string]string{s.r.TargetLeft: carolID}}
}
func holdsRole(s *scene) { s.r.Privileged = graph.Yes }
func noSignIn(s *scene)  { s.r.SignedIn = time.Time{} }

// byGroup is a protection that has nothing to do with roles.
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
		s.r.Askers = append(s.r.Askers, authz.Asker{SlackID: erin, EntraID: "e-entra"})
	}
	s.r.Words.Also = map[string]string{erin: "she phoned me"}
}
func cancelWish(s *scene) { s.r.CancelAskedAt = s.r.CreatedAt.Add(90 * time.Second) }
func seen(s *scene) {
	s.r.Seen = true
	for i := range s.r.Attempts {
		s.r.Attempts[i].Outcome, s.r.Attempts[i].Status, s.r.Attempts[i].RequestID = graph.OutcomeUnknown, 0, ""
	}
}

// twice makes an unknown outcome final: two calls without a clear answer.
func twice(s *scene) {
	if len(s.r.Attempts) == 1 {
		again := s.r.Attempts[0]
		again.BeganAt, again.EndedAt = again.BeganAt.Add(20*time.Second), again.EndedAt.Add(20*time.Second)
		again.Status = 502
		s.r.Attempts = append(s.r.Attempts, again)
	}
}

// patienceOver ends the waiting with a call that was not taken.
func patienceOver(asked time.Duration) sceneOption {
	return func(s *scene) {
		for i := range s.r.Attempts {
			a := &s.r.Attempts[i]
			a.Status, a.Code, a.Remedy = 423, "", graph.Remedy(423, "")
			a.Wait, a.Asked = max(asked, time.Second), asked > 0
		}
	}
}

// toldUnmoved is a first late look at an account that shows nothing of it.
func toldUnmoved(s *scene) {
	s.r.UnmovedAt = acceptedAt.Add(6 * time.Minute)
	if s.r.State == NotVisibleYet {
		s.r.After.ReadAt = s.r.UnmovedAt
		s.r.DueAt = s.r.UnmovedAt.Add(15 * time.Minute)
	}
	if s.r.State == Unreachable {
		s.r.After = graph.Stamps{RefreshTokens: januaryV, Sessions: januaryV, ReadAt: s.r.UnmovedAt}
		s.r.DueAt = s.r.UnmovedAt.Add(75 * time.Minute)
	}
	if s.r.State == Verified {
		s.r.After.ReadAt = s.r.UnmovedAt.Add(15 * time.Minute)
	}
}

// toldUnread is one at an account that does not answer.
func toldUnread(s *scene) {
	s.r.UnreadAt = acceptedAt.Add(6 * time.Minute)
	if s.r.State == Unreachable {
		s.r.DueAt = s.r.UnreadAt.Add(15 * time.Minute)
	}
}

func minuteLater(s *scene) { s.v.Now = approvedAt.Add(unknownSoon) }
func unreadSince(s *scene) { s.r.Unread = true }

// changedBefore is a stamp that moved, but not by our call.
func changedBefore(s *scene) {
	s.r.After = graph.Stamps{RefreshTokens: askedAt.Add(-time.Hour), Sessions: askedAt.Add(-time.Hour), ReadAt: approvedAt.Add(time.Minute)}
}

// died makes the process end in the middle of the call.
func died(s *scene) {
	for i := range s.r.Attempts {
		s.r.Attempts[i].Outcome, s.r.Attempts[i].EndedAt, s.r.Attempts[i].Code = graph.OutcomeUnknown, s.r.Attempts[i].BeganAt, interrupted
	}
}

// waits puts the request back behind a call that Microsoft did not take.
func waits(status int, wait time.Duration) sceneOption {
	return func(s *scene) {
		if len(s.r.Decisions) == 1 && len(s.r.Attempts) == 0 {
			s.r.Attempts = []Attempt{{
				Decision: 1, BeganAt: approvedAt, EndedAt: acceptedAt, Outcome: graph.NotDone, Status: status, Wait: wait,
				Remedy: graph.Remedy(status, ""), Asked: status == 429,
			}}
			s.r.DueAt = acceptedAt.Add(wait)
		}
	}
}

// behind puts the request into the line.
func behind(n int) sceneOption {
	return func(s *scene) {
		s.r.Line = &Line{At: acceptedAt, Ahead: n}
		s.r.DueAt = acceptedAt.Add(time.Minute)
	}
}

// afterUnclear puts a call of unknown outcome before the one that was refused.
func afterUnclear(s *scene) {
	if len(s.r.Attempts) == 1 {
		first := Attempt{Decision: 1, BeganAt: approvedAt.Add(-20 * time.Second), EndedAt: approvedAt.Add(-12 * time.Second), Outcome: graph.OutcomeUnknown}
		s.r.Attempts = []Attempt{first, s.r.Attempts[0]}
	}
}

func unreached(s *scene) {
	for i := range s.r.Attempts {
		s.r.Attempts[i].Status, s.r.Attempts[i].Code, s.r.Attempts[i].RequestID = 0, graph.CodeDNS, ""
		s.r.Attempts[i].Remedy = graph.Remedy(0, graph.CodeDNS)
	}
}

// possible reports the states that a request in earnest, or a drill, can have.
func possible(state State, inDrill bool) bool {
	if inDrill {
		return !state.Accepted() && state != Unknown
	}
	return state != Drilled
}

// scenes are a request in every state that it can have, in both lanes, in
// earnest and as a drill, and then whatever else changes what is said.
func scenes() []scene {
	var all []scene
	for _, state := range States {
		for _, lane := range []authz.Lane{authz.ThirdParty, authz.Self} {
			for _, inDrill := range []bool{false, true} {
				if !possible(state, inDrill) || lane == authz.Self && state == Cancelled {
					continue // nobody can cancel a report about themself
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
		newScene("pending_guest", Pending, guest),
		newScene("pending_disabled_and_synced", Pending, disabled, synced),
		newScene("pending_facts_unknown", Pending, unread),
		newScene("pending_just_revoked", Pending, justRevoked),
		newScene("pending_just_revoked_drill", Pending, justRevoked, drill),
		newScene("pending_just_accepted", Pending, justAccepted),
		newScene("pending_just_accepted_unread", Pending, justAccepted, unread),
		newScene("pending_just_stamped", Pending, justStamped),
		newScene("pending_restricted", Pending, restricted),
		newScene("pending_left", Pending, hasLeft),
		newScene("pending_left_mapped", Pending, hasLeft, leftInMap),
		newScene("pending_holds_role", Pending, holdsRole),
		newScene("pending_holds_role_protected", Pending, needs(2), byGroup, holdsRole),
		newScene("pending_no_sign_in", Pending, noSignIn),
		newScene("pending_joined", Pending, joined),
		newScene("pending_card_not_posted", Pending, noCard),
		newScene("pending_channel_without", Pending, noCard, channelShut(ChannelWithout)),
		newScene("pending_channel_missing_none_told", Pending, noCard, channelShut(ChannelMissing), noneTold),
		newScene("pending_channel_archived_card_stands", Pending, ofBob, channelShut(ChannelArchived)),
		newScene("pending_channel_closed_drill", Pending, drill, noCard, channelShut(ChannelClosed)),
		newScene("pending_cancel_asked_channel_archived", Pending, ofBob, cancelWish, channelShut(ChannelArchived)),
		newScene("revoked_channel_archived", Revoked, channelShut(ChannelArchived)),
		newScene("failed_channel_archived", Failed, channelShut(ChannelArchived)),
		newScene("unknown_channel_archived", Unknown, channelShut(ChannelArchived)),
		newScene("denied_channel_archived", Denied, channelShut(ChannelArchived)),
		newScene("pending_one_of_two", Pending, needs(2, alice)),
		newScene("pending_privileged", Pending, needs(2), privileged(graph.Yes)),
		newScene("pending_privileged_unknown", Pending, needs(2), privileged(graph.Unknown)),
		newScene("pending_frozen", Pending, frozen),
		newScene("pending_self_frozen", Pending, ofBob, frozen),
		newScene("pending_self_executes", Pending, ofBob, executes),
		newScene("pending_self_executes_other_rules", Pending, ofBob, executes, otherRules),
		newScene("pending_self_executes_frozen", Pending, ofBob, executes, frozen),
		newScene("pending_self_alone", Pending, ofBob, alone),
		newScene("pending_self_alone_drill", Pending, ofBob, alone, drill),
		newScene("pending_again", Pending, replaces),
		newScene("pending_reminded", Pending, reminded),
		newScene("pending_self_reminded_executes", Pending, ofBob, reminded, executes),
		newScene("pending_reminded_one_of_two", Pending, reminded, needs(2, alice)),
		newScene("pending_escalated", Pending, escalated),
		newScene("pending_nobody_able", Pending, nobodyYet),
		newScene("pending_self_channel_archived", Pending, ofBob, archived),
		newScene("pending_channel_shared", Pending, shared),
		newScene("pending_lapsed", Pending, needs(2), lapsedOnce),
		newScene("pending_groups", Pending, groups),
		newScene("approved_frozen", Approved, frozen),
		newScene("approved_by_two", Approved, together),
		newScene("approved_unasked", Approved, unaskedSlack),
		newScene("approved_unasked_drill", Approved, drill, unaskedSlack),
		newScene("pending_reopened", Pending, takenBack(NoLongerHolds, authz.NotApprover, alice)),
		newScene("pending_reopened_one_of_two", Pending, needs(2, dave), takenBack(NoLongerHolds, authz.AccountBlocked, alice)),
		newScene("pending_reopened_too_old", Pending, together, takenBack(TooOld, TooOld, dave, alice)),
		newScene("pending_reopened_drill", Pending, drill, takenBack(TooOld, TooOld, alice)),
		newScene("pending_reopened_undecided", Pending, ofBob, takenBack(authz.TargetProtected, "")),
		newScene("pending_reopened_undecided_too_old", Pending, ofBob, takenBack(TooOld, "")),
		newScene("pending_reopened_reminded", Pending, reminded, takenBack(NoLongerHolds, authz.Guest, alice)),
		newScene("expired_reopened", Expired, takenBack(NoLongerHolds, authz.NotApprover, alice)),
		newScene("failed_taken_back", Failed, takenBack(NoLongerHolds, authz.NotApprover, alice)),
		newScene("failed_taken_back_after_unclear", Failed, afterUnclear, takenBack(TooOld, TooOld, alice)),
		newScene("failed_taken_back_changed", Failed, takenBack(TargetChanged, TargetChanged, alice), renamed),
		newScene("void_unrecorded", Void, withoutRecord),
		newScene("void_asked_elsewhere", Void, askedElsewhere),
		newScene("unknown_withheld", Unknown, withheld),
		newScene("unknown_withheld_stuck", Unknown, minuteLater, withheld),
		newScene("pending_self_not_executed", Pending, ofBob, notDone(authz.TargetProtected)),
		newScene("pending_self_not_executed_deny", Pending, ofBob, notDone(DenyAsked), denyPressed),
		newScene("pending_self_not_executed_meanwhile", Pending, ofBob, notDone(RevokedAlready), meanwhile()),
		newScene("pending_deny_asked", Pending, denyPressed),
		newScene("approved_waits_deny_asked", Approved, waits(429, 40*time.Second), denyPressed),
		newScene("pending_revoked_meanwhile", Pending, meanwhile()),
		newScene("pending_revoked_meanwhile_unmoved", Pending, meanwhile(func(r *Request) { r.State, r.UnmovedAt = NotVisibleYet, askedAt.Add(8*time.Minute) })),
		newScene("pending_revoked_meanwhile_unverified", Pending, meanwhile(func(r *Request) { r.State = Revoked })),
		newScene("pending_self_revoked_meanwhile_unverified", Pending, ofBob, executes, meanwhile(func(r *Request) { r.State = Revoked })),
		newScene("pending_revoked_meanwhile_guest", Pending, guest, meanwhile()),
		newScene("failed_revoked_meanwhile", Failed, meanwhile()),
		newScene("approved_waits_revoked_meanwhile", Approved, waits(429, 40*time.Second), meanwhile()),
		newScene("approved_frozen_revoked_meanwhile", Approved, frozen, meanwhile()),
		newScene("void_revoked_meanwhile", Void, revokedMeanwhileVoid),
		newScene("pending_self_not_executed_policy", Pending, ofBob, notDone(PolicyChanged)),
		newScene("pending_self_not_executed_roles", Pending, ofBob, notDone(ProtectionUnknown)),
		newScene("pending_self_not_executed_unread", Pending, ofBob, notDone(LookupFailed)),
		newScene("pending_self_not_executed_late", Pending, ofBob, notDone(TooOld)),
		newScene("pending_self_not_executed_time", Pending, ofBob, notDone(TimeUnclear)),
		newScene("pending_self_not_executed_limit", Pending, ofBob, notDone(OverLimit)),
		newScene("pending_self_not_executed_total", Pending, ofBob, notDone(OverTotal)),
		newScene("verified_by_two", Verified, together),
		newScene("failed_by_two_one_again", Failed, together, needs(2, alice)),
		newScene("failed_frozen", Failed, frozen),
		newScene("failed_self_alone", Failed, ofBob, alone),
		newScene("verified_self_undecided", Verified, ofBob, undecided),
		newScene("failed_self_undecided", Failed, ofBob, undecided),
		newScene("expired_one_of_two", Expired, needs(2, alice)),
		newScene("void_gone", Void, over),
		newScene("pending_self_cancel_asked", Pending, ofBob, cancelWish),
		newScene("pending_self_cancel_asked_drill", Pending, ofBob, cancelWish, drill),
		newScene("approved_waits_429", Approved, waits(429, 30*time.Second)),
		newScene("approved_waits_429_stalled", Approved, waits(429, 30*time.Second), stalled),
		newScene("approved_waits_stalled_drill", Approved, drill, waits(429, 30*time.Second), stalled),
		newScene("executing_stalled", Executing, stalled),
		newScene("unknown_self_stalled", Unknown, ofBob, stalled),
		newScene("revoked_stalled", Revoked, stalled),
		newScene("not_visible_yet_stalled", NotVisibleYet, stalled),
		newScene("pending_self_executes_stalled", Pending, ofBob, executes, stalled),
		newScene("approved_waits_429_drill", Approved, drill, waits(429, 30*time.Second)),
		newScene("approved_waits_after_unclear", Approved, waits(429, 30*time.Second), afterUnclear),
		newScene("approved_waits_unreachable", Approved, waits(0, 4*time.Second)),
		newScene("approved_waits_in_line", Approved, waits(429, 30*time.Second), behind(2)),
		newScene("approved_other_rules", Approved, otherRules),
		newScene("approved_queued", Approved, behind(1)),
		newScene("approved_queued_next", Approved, ofBob, behind(0)),
		newScene("approved_queued_drill", Approved, drill, behind(12)),
		newScene("unknown_process_died", Unknown, died),
		newScene("unknown_stuck", Unknown, twice),
		newScene("unknown_stuck_self", Unknown, ofBob, twice),
		newScene("unknown_stuck_unread", Unknown, minuteLater, unreadSince),
		newScene("unknown_stuck_changed", Unknown, minuteLater, changedBefore),
		newScene("unknown_stuck_next_day", Unknown, twice, nextDay, noDue),
		newScene("revoked_guest", Revoked, guest),
		newScene("revoked_synced", Revoked, synced),
		newScene("revoked_self_guest", Revoked, ofBob, guest),
		newScene("revoked_facts_unknown", Revoked, unread),
		newScene("verified_seen", Verified, seen),
		newScene("verified_joined", Verified, joined),
		newScene("not_visible_yet_told", NotVisibleYet, toldUnmoved),
		newScene("not_visible_yet_told_joined_by_two", NotVisibleYet, toldUnmoved, joined, together),
		newScene("not_visible_yet_told_self", NotVisibleYet, ofBob, toldUnmoved),
		newScene("not_visible_yet_told_self_alone", NotVisibleYet, ofBob, alone, byBob, toldUnmoved),
		newScene("not_visible_yet_told_self_undecided", NotVisibleYet, ofBob, undecided, toldUnmoved),
		newScene("not_visible_yet_told_synced", NotVisibleYet, synced, toldUnmoved),
		newScene("not_visible_yet_told_seen", NotVisibleYet, seen, toldUnmoved),
		newScene("not_visible_yet_told_given_up", NotVisibleYet, toldUnmoved, noDue),
		newScene("not_visible_yet_told_after_unread", NotVisibleYet, toldUnread, toldUnmoved),
		newScene("not_visible_yet_guest", NotVisibleYet, guest),
		newScene("not_visible_yet_guest_given_up", NotVisibleYet, guest, noDue),
		newScene("unreachable_told", Unreachable, toldUnread),
		newScene("unreachable_told_self", Unreachable, ofBob, toldUnread),
		newScene("unreachable_told_given_up", Unreachable, toldUnread, noDue),
		newScene("unreachable_told_unmoved", Unreachable, toldUnmoved),
		newScene("verified_told_unmoved", Verified, toldUnmoved),
		newScene("verified_told_unmoved_self", Verified, ofBob, toldUnmoved),
		newScene("verified_told_unread", Verified, toldUnread),
		newScene("failed_out_of_patience", Failed, patienceOver(0)),
		newScene("failed_asked_to_wait", Failed, patienceOver(time.Hour)),
		newScene("approved_waits_423", Approved, waits(423, 4*time.Second)),
		newScene("not_visible_yet_given_up", NotVisibleYet, noDue),
		newScene("unreachable_given_up", Unreachable, noDue),
		newScene("failed_unreachable", Failed, unreached),
		newScene("failed_after_unclear", Failed, afterUnclear),
		newScene("failed_next_day", Failed, nextDay, noDue),
		newScene("cancelled_joined", Cancelled, joined),
	)
}

// saying is one message of a scene.
type saying struct {
	scene scene
	// key is as in owed ("card", "receipt:U…", "result:1"), or names one of
	// the private answers.
	key string
	m   Message
}

func (s saying) String() string { return s.scene.name + " " + s.key }

// kind is the key without who or which.
func (s saying) kind() string {
	kind, _, _ := strings.Cut(s.key, ":")
	return kind
}

// sayings is every message that a scene has: what the request owes to people,
// and what the bot answers when asked about it.
func sayings(s scene) []saying {
	var all []saying
	add := func(key string, m Message) { all = append(all, saying{s, key, m}) }
	for _, p := range owed(&s.r, &s.v, cards, nil) {
		add(p.key, p.show())
	}
	add("status", Status(&s.r, s.v))
	if s.r.State == Pending {
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

// everySaying is all that is said, with what is said where Slack refuses something.
func everySaying() []saying {
	all := allSayings()
	for _, s := range scenes() {
		all = append(all, detours(s)...)
	}
	return all
}

// detours are what people read of a scene where Slack has refused something else.
func detours(s scene) (all []saying) {
	add := func(key string, m Message) { all = append(all, saying{s, key, m}) }
	plain, _ := Card(&s.r, s.v).instead("invalid_blocks")
	add("card_plain", plain)
	receipt, _ := Receipt(&s.r, s.v, bob).instead("msg_too_long")
	add("receipt_words", receipt)
	add("untold", UntoldNote(&s.r, bob, noTab))
	add("untold_told", ToldSince(&s.r, bob, false))
	add("untold_answered", ToldSince(&s.r, bob, true))
	add("unreached_over", NoConcern(&s.r))
	if s.r.State != Pending || s.v.CardLink != "" || s.v.Shut != "" {
		add("unreached_now", UnreachedNote(&s.r, s.v))
		if !s.r.CancelAskedAt.IsZero() {
			add("unreached_cancel_now", CancelUnreached(&s.r, s.v))
		}
	}
	if s.r.onlySelf() && s.r.State == Pending {
		add("no_button", NoButton(&s.r, noTab, emergency))
	}
	return all
}

// Whoever adds a state or a kind of message must add a scene for it.
func TestTheScenesShowEverything(t *testing.T) {
	states, kinds, names := map[State]bool{}, map[string]bool{}, map[string]bool{}
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
	for _, state := range States {
		if !states[state] {
			t.Errorf("no scene shows %s", state)
		}
	}
	for _, kind := range []string{"card", "unknown", "result", "joined", "cancel", "receipt", "outcome", "target", "lapsed", "reopened", "not_executed", "reminder", "unmoved", "unmoved_note", "unread", "unread_note", "escalation", "unreached", "unreached_cancel", "elsewhere", "status", "received", "joined_now", "joined_before", "cancel_answer"} {
		if !kinds[kind] {
			t.Errorf("no scene has a message %q", kind)
		}
	}
}
