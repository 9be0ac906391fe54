package message

import (
	"fmt"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// Note is a one-paragraph answer in our own words.
func Note(format string, args ...any) bot.Message {
	p := &page{}
	p.add((&line{}).say(format, args...))
	return p.message()
}

// recently is how long a revoke stays a reason to warn before another one.
const recently = 5 * time.Minute

// begin starts a message; in a drill, every message starts with DRILL.
func begin(r *bot.Request) *line {
	l := &line{}
	if r.Drill {
		l.bold("%s DRILL: ", signDrill)
	}
	return l
}

// The signs begin a message about a request's state, so that a reader finds it while
// scrolling. The words after a sign say the same.
const (
	signDone    = "✅"
	signEnded   = "⛔"
	signWaits   = "⏳"
	signUnknown = "❓"
	signDrill   = "🧪"
)

// mark is begin with the sign of the request's state.
func mark(r *bot.Request) *line { return markAs(r, sign(r)) }

// markAs is begin with this sign, for a message that does not change with the state.
func markAs(r *bot.Request, sign string) *line {
	if r.Drill {
		return begin(r)
	}
	return (&line{}).say("%s ", sign)
}

func sign(r *bot.Request) string {
	switch {
	case r.State == bot.Unknown, r.State == bot.Lost, r.State == bot.Executing && !r.StalledAt.IsZero(), r.Doubtful():
		return signUnknown
	case r.State == bot.Failed, r.State.Undone(), r.State.Accepted() && r.Target.Guest == graph.Yes:
		return signEnded
	case r.State.Accepted():
		return signDone
	}
	return signWaits
}

// headline is the first line of a card: what is asked, or what happened.
func headline(r *bot.Request, l *line, v View) *line {
	switch r.State {
	case bot.Pending:
		switch {
		case r.Lane == authz.Self && r.Drill:
			return l.boldTyped(r.Name()).bold(" lost a device: rehearse the end of all of their sessions?")
		case r.Lane == authz.Self:
			return l.boldTyped(r.Name()).bold(" lost a device: revoke all of their sessions?")
		case r.Drill:
			return l.bold("rehearse the end of all sessions of ").boldTyped(r.Name()).bold("?")
		}
		return l.bold("Revoke all sessions of ").boldTyped(r.Name()).bold("?")
	}
	if r.State.Undone() {
		return ending(r, l)
	}
	if r.State == bot.Lost {
		return lost(r, l)
	}
	return outcomeHeadline(r, l, v)
}

// approvals counts the approvals and names their givers. It adds nothing if one is
// enough.
func approvals(r *bot.Request, l *line) *line {
	if r.Need < 2 {
		return l
	}
	l.bold("Needs %d approvals, has %d", r.Need, len(r.Approvals))
	for i, v := range r.Approvals {
		if i == 0 {
			l.say(": ")
		} else {
			l.say(", ")
		}
		l.person(v.SlackID)
	}
	return l.say(".")
}

// ifUndecided says what happens if nobody decides.
func ifUndecided(r *bot.Request, l *line, v View) *line {
	switch {
	case !r.StalledAt.IsZero():
		return l.say("I may not keep its deadline. An approver can still decide.")
	case v.Freeze != nil:
		return l.say("It can be decided when the freeze is over; until then it does not expire.")
	case r.Executes && r.OtherRules:
		return l.bold("The time to decide is up, but the copy of this bot that is running has older rules than one that started later.").
			say(" It goes on once whoever runs the bot has restarted every copy. An approver can deny it meanwhile.")
	case r.Executes && r.Unread:
		return l.bold("The time to decide is up, but the account cannot be read, so nothing is done yet.").
			say(" I keep trying to read it. An approver can decide meanwhile.")
	case r.Executes:
		return l.bold("If nobody decides until ").when(r.Deadline()).
			bold(", Microsoft Entra is asked all the same to end the sessions, unless an approver presses Deny before").
			say(": so the policy says for people who report their own device.")
	}
	return l.say("Expires ").when(r.Deadline()).say(".")
}

func reasonLine(reason string) *line {
	if reason == "" {
		return (&line{}).say("Reason: none given")
	}
	return (&line{}).say("Reason: ").typed(reason)
}

func whatWillHappen(r *bot.Request) *line {
	if r.Drill {
		return (&line{}).say("This is a rehearsal. If you confirm, the account is read once and nothing is changed. " +
			"In earnest, Microsoft Entra would end every browser session and every key that keeps apps signed in.")
	}
	return (&line{}).say("If you confirm, Microsoft Entra ends every browser session and every key that keeps apps signed in. " +
		"It does not block sign-in, change the password or wipe a device.")
}

// accountFacts names every fact, unknown ones too. It cannot see roles that are
// eligible but not active.
func accountFacts(r *bot.Request, l *line) *line {
	say := func(f graph.Fact, yes, no, unknown string) string {
		switch f {
		case graph.Yes:
			return yes
		case graph.No:
			return no
		}
		return unknown
	}
	l.say("Account: ")
	l.say("%s; %s; %s; %s; %s; ",
		say(r.Privileged, "holds a privileged role", "no active privileged role", "unknown whether it holds a privileged role"),
		say(r.Target.Guest, "guest", "member of this tenant", "guest or member unknown"),
		say(r.Target.Disabled, "sign-in blocked", "sign-in allowed", "unknown whether sign-in is blocked"),
		say(r.Target.Synced, "synced from on-premises", "managed in the cloud", "unknown whether synced from on-premises"),
		say(r.Target.Restricted, "in a restricted management unit", "in no restricted management unit",
			"unknown whether in a restricted management unit"))
	switch {
	case !r.SignInsRead:
		l.say("last sign-in unknown.")
	case r.SignedIn.IsZero():
		l.say("no sign-in known since April 2020.")
	default:
		l.say("last known sign-in ").when(r.SignedIn).say(".")
	}
	if !r.RevokedBefore.IsZero() {
		l.say(" Microsoft last accepted a revoke from this bot: ").when(r.RevokedBefore).say(".")
	}
	return l
}

// warnings are the lines that begin with ⚠.
func warnings(r *bot.Request, v View) []*line {
	var w []*line
	warn := func() *line {
		l := (&line{}).say("⚠ ")
		w = append(w, l)
		return l
	}
	if r.Coverage.Blind {
		warn().bold("I cannot read who the approvers are,").
			say(" so it may be that nobody can decide this. Whoever runs the bot finds the reason in its log.")
	}
	if short(r) {
		warn().bold("Too few approvers.").say(" This needs %s, and I know of %d who may decide it. Whoever runs the bot must name more.",
			countApprovals(r.Need), r.Coverage.Able)
	}
	if problem := r.Coverage.Channel; problem == bot.ChannelShared { // any other is over once this is read
		warn().say("About this channel: %s.", ChannelSays(problem))
	}
	goesByRoles := v.Policy != nil && v.Policy.AsksForRoles()
	if r.Protected {
		l := warn().bold("Protected account.").say(" The policy asks for %s", countApprovals(r.Need))
		switch {
		case !goesByRoles:
		case r.Privileged == graph.Yes:
			l.say("; the account holds a privileged role")
		case r.Privileged == graph.Unknown:
			l.say("; whether the account holds a privileged role could not be read, which counts as if it did")
		}
		l.say(".")
	}
	if r.Privileged == graph.Yes && !(r.Protected && goesByRoles) {
		warn().bold("Holds a privileged role.").say(" Review what was done with it lately.")
	}
	if r.Target.Restricted == graph.Yes {
		warn().bold("Restricted management unit.").say(" Unless the bot's app has a role within that unit, Microsoft will refuse. " +
			"If it does, ask a Privileged Authentication Administrator, or an administrator of that unit.")
	}
	if r.Target.Guest == graph.Yes {
		warn().bold("Guest account.").
			say(" Microsoft revokes nothing here, for guests sign in at their home organisation. Ask that organisation.")
	}
	if r.TargetLeft != "" {
		warn().bold("Deactivated in Slack.").join(deactivated(r, v)).say(" Check that it is the right one.")
	}
	if r.Target.Disabled == graph.Yes {
		warn().bold("Disabled account.").say(" Sign-in is blocked already; what is open may go on for a while.")
	}
	if r.Target.Synced == graph.Yes {
		warn().bold("Synced from on-premises.").say(" Block sign-in and change the password there, not in Entra.")
	}
	if v.Meanwhile != nil {
		w = append(w, revokedMeanwhile(r, v.Meanwhile))
	} else if l := revokedRecently(r); l != nil {
		warn().join(l)
	}
	return w
}

// revokedRecently says that the sessions were ended shortly before the request; nil if
// that is not known.
func revokedRecently(r *bot.Request) *line {
	stamp := r.Target.Stamps.ValidFrom()
	last := stamp
	if r.RevokedBefore.After(last) {
		last = r.RevokedBefore
	}
	ago := r.CreatedAt.Sub(last)
	if last.IsZero() || ago >= recently {
		return nil
	}
	switch ours := !r.RevokedBefore.IsZero() && r.CreatedAt.Sub(r.RevokedBefore) < recently; {
	case ours && r.Target.Stamps.Known() && stamp.Before(r.RevokedBefore.Add(-bot.StampSkew)):
		return (&line{}).bold("Microsoft accepted a revoke %s before this request, but the account does not show it.", Spell(ago))
	case ours && !r.Target.Stamps.Known():
		return (&line{}).bold("Microsoft accepted a revoke %s before this request already.", Spell(ago))
	case ours && !r.Drill:
		return (&line{}).bold("Revoked %s before this request already.", Spell(ago))
	}
	// Perhaps not by a revoke: a new password moves the stamp too.
	return (&line{}).bold("Sessions were ended %s before this request already.", Spell(ago))
}

func countApprovals(n int) string {
	if n == 1 {
		return "one approval"
	}
	return fmt.Sprintf("%d approvals of different people", n)
}

// frozenLine says that a freeze is on, and how it ends.
func frozenLine(f *bot.Freeze) *line {
	l := (&line{}).say("⚠ ").bold("Frozen by ").person(f.By.SlackID).bold(": no revoke is begun.")
	return freezeEnding(l.say(" "), f)
}

// freezeEnding adds when and how a freeze ends.
func freezeEnding(l *line, f *bot.Freeze) *line {
	return l.say("It ends by itself (").when(f.Until).say("), or when enough approvers type `/revoke-sessions unfreeze`.")
}

// notExecuted says that the policy's automatic revoke, which card and receipt announced,
// does not take place.
func notExecuted(r *bot.Request, l *line) *line {
	if r.NotExecuted == "" {
		return l
	}
	if r.NotExecuted == bot.DenyAsked { // its time may not be up
		l.bold("It is not carried out by itself: ")
	} else {
		l.bold("It was not carried out by itself: ")
	}
	return l.join(whyNot(r.NotExecuted)).say(". An approver must decide it.")
}

// count writes a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "one " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// callDeciders mentions the people who may decide, or says that it knows none.
func callDeciders(l *line, v View, then string) *line {
	if len(v.Deciders) == 0 {
		return l.say("I know nobody who may. Whoever runs the bot must name more approvers.")
	}
	return l.deciders(v).say("%s", then)
}

// emergencyFor is emergencyWay about a request; a drill has none.
func emergencyFor(r *bot.Request, v View) *line {
	if r.Drill {
		return &line{}
	}
	return emergencyWay(v)
}

// emergencyWay says what to do if nobody answers.
func emergencyWay(v View) *line {
	l := &line{}
	if v.Emergency != "" {
		l.say("Nobody answers? ").typed(v.Emergency)
	}
	return l
}
