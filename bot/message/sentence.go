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
			return l.boldTyped(r.Name()).bold(" lost a device: rehearse a revoke?")
		case r.Lane == authz.Self:
			return l.boldTyped(r.Name()).bold(" lost a device")
		case r.Drill:
			return l.bold("rehearse a revoke of all sessions of ").boldTyped(r.Name()).bold("?")
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

// ifUndecided says what happens if nobody decides.
func ifUndecided(r *bot.Request, l *line, v View) *line {
	switch {
	case !r.StalledAt.IsZero():
		return l.say("I may not keep its deadline. An approver can still decide.")
	case v.Freeze != nil:
		return l.say("It can be decided when the freeze ends. Until then it does not expire.")
	case r.Executes && r.OtherRules:
		return l.bold("The time to decide is up, but this copy of the bot has older rules than one that started later.").
			say(" It goes on once the bot's owner has restarted every copy. An approver can deny it until then.")
	case r.Executes && r.Unread:
		return l.bold("The time to decide is up, but the account cannot be read, so nothing is done yet.").
			say(" I keep trying to read it. An approver can decide until then.")
	case r.Executes:
		return l.bold("If nobody decides by ").when(r.Deadline()).
			bold(", I ask Microsoft Entra to revoke the sessions").
			say(", unless an approver presses Deny first. The policy says so for people who report their own device.")
	}
	return l.say("Expires ").when(r.Deadline()).say(".")
}

func reasonLine(reason string) *line {
	l := (&line{}).bold("Reason: ")
	if reason == "" {
		return l.say("none given")
	}
	return l.typed(reason)
}

// whatWillHappen says what a revoke does, and what it does not do.
func whatWillHappen(r *bot.Request) *line {
	const not = " It does not block sign-in, change the password or wipe the device."
	switch {
	case r.Drill && r.Target.Guest == graph.Yes:
		return (&line{}).say("This is a drill: the account is read once, and nothing is changed.")
	case r.Drill:
		return (&line{}).say("This is a drill: the account is read once, and nothing is changed. A real revoke would sign ").typed(r.Name()).
			say(" out of Microsoft 365 and apps that use this account.")
	case r.Target.Guest == graph.Yes:
		return &line{} // a warning says that it does nothing
	}
	return (&line{}).say("Revoking signs ").typed(r.Name()).
		say(" out of Microsoft 365 and apps that use this account, most within 90 minutes." + not)
}

// deviation is a fact about an account that is not ordinary, or may not be.
type deviation struct {
	fact         graph.Fact
	yes, no, may string // what to call it; may is part of “unknown whether it …”
}

// deviations lists what is known of the account, except its sign-ins. It cannot see roles
// that are eligible but not active.
func deviations(r *bot.Request) []deviation {
	return []deviation{
		{r.Privileged, "holds a privileged role", "no active privileged role", "holds a privileged role"},
		{r.Target.Guest, "guest", "member of this tenant", "is a guest"},
		{r.Target.Disabled, "sign-in blocked", "sign-in allowed", "may sign in"},
		{r.Target.Synced, "synced from on-premises", "managed in the cloud", "is synced from on-premises"},
		{r.Target.Restricted, "in a restricted management unit", "in no restricted management unit", "is in a restricted management unit"},
	}
}

// ordinary is one quiet phrase about an account of which nothing needs a warning, or "".
func ordinary(r *bot.Request) string {
	for _, f := range []graph.Fact{r.Privileged, r.Target.Guest, r.Target.Disabled, r.Target.Restricted} {
		if f != graph.No {
			return ""
		}
	}
	switch {
	case r.Protected || r.TargetLeft != "":
		return ""
	case r.Target.Synced == graph.Yes:
		return "Ordinary account, no special rights, synced from on-premises"
	case r.Target.Synced == graph.Unknown:
		return ""
	}
	return "Ordinary account, no special rights"
}

// unknownFacts says which facts could not be read.
func unknownFacts(r *bot.Request) *line {
	l := &line{}
	for _, d := range deviations(r) {
		switch {
		case d.fact != graph.Unknown:
		case len(l.parts) == 0:
			l.say("⚠ ").bold("I could not read").say(" whether the account %s", d.may)
		default:
			l.say(", or %s", d.may)
		}
	}
	if len(l.parts) > 0 {
		l.say(".")
	}
	return l
}

// accountFacts names every fact, unknown ones too.
func accountFacts(r *bot.Request, l *line) *line {
	l.bold("Account: ")
	for _, d := range deviations(r) {
		l.say("%s; ", map[graph.Fact]string{graph.Yes: d.yes, graph.No: d.no, graph.Unknown: "unknown whether it " + d.may}[d.fact])
	}
	switch {
	case !r.SignInsRead:
		l.say("last sign-in unknown.")
	case r.SignedIn.IsZero():
		l.say("no sign-in on record.")
	default:
		l.say("last sign-in on record ").when(r.SignedIn).say(".")
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
		warn().bold("I can't read who the approvers are,").
			say(" so perhaps nobody can decide this. The bot's owner finds the reason in the log.")
	}
	if short(r) {
		warn().join(tooFewApprovers(r))
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
			l.say(", because the account holds a privileged role")
		case r.Privileged == graph.Unknown:
			l.say(", because the account may hold a privileged role")
		}
		l.say(".")
	}
	if r.Privileged == graph.Yes && !(r.Protected && goesByRoles) {
		warn().bold("Holds a privileged role.").say(" Check its recent activity.")
	}
	if r.Target.Restricted == graph.Yes {
		warn().bold("Restricted management unit.").say(" Microsoft refuses unless the bot's app has a role within that unit. " +
			"If it refuses, ask a Privileged Authentication Administrator, or an administrator of that unit.")
	}
	if r.Target.Guest == graph.Yes {
		warn().bold("Guest account.").say(" Microsoft revokes nothing here. Ask the home organisation.")
	}
	if r.TargetLeft != "" {
		warn().bold("Deactivated in Slack: ").join(deactivated(r, v)).say(" Check that it is the right one.")
	}
	if r.Target.Disabled == graph.Yes {
		warn().bold("Sign-in is blocked already.").say(" Open sessions may go on for a while.")
	}
	if l := unknownFacts(r); len(l.parts) > 0 {
		w = append(w, l)
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
		return (&line{}).bold("Microsoft already accepted a revoke %s before this request.", Spell(ago))
	case ours && !r.Drill:
		return (&line{}).bold("Already revoked %s before this request.", Spell(ago))
	}
	// Perhaps not by a revoke: a new password moves the stamp too.
	return (&line{}).bold("Sessions were already ended %s before this request.", Spell(ago))
}

func countApprovals(n int) string {
	if n == 1 {
		return "one approval"
	}
	return fmt.Sprintf("%d approvals", n)
}

// tooFewApprovers says that not enough people can decide, and who can change that.
func tooFewApprovers(r *bot.Request) *line {
	l := &line{}
	switch able := r.Coverage.Able; able {
	case 0:
		l.bold("No approver is available.")
	case 1:
		l.bold("Only 1 of the %d approvers needed is available.", r.Need)
	default:
		l.bold("Only %d of the %d approvers needed are available.", able, r.Need)
	}
	return l.say(" Ask the bot's owner to add one.")
}

// frozenLine says that a freeze is on, and how it ends.
func frozenLine(f *bot.Freeze) *line {
	l := (&line{}).say("⚠ ").bold("Frozen by ").person(f.By.SlackID).bold(": no revoke can start.")
	return freezeEnding(l.say(" "), f)
}

// freezeEnding says when a freeze ends by itself, and how people end it earlier.
func freezeEnding(l *line, f *bot.Freeze) *line {
	return l.say("The freeze ends by itself (").when(f.Until).say("), or earlier if enough approvers press ").bold(endFreeze).
		say(" on its notice or type `/revoke-sessions unfreeze`.")
}

// notExecuted says that the policy's automatic revoke, which card and receipt announced,
// does not take place.
func notExecuted(r *bot.Request, l *line) *line {
	if r.NotExecuted == "" {
		return l
	}
	if r.NotExecuted == bot.DenyAsked { // its time may not be up
		l.bold("It is not carried out automatically: ")
	} else {
		l.bold("It was not carried out automatically: ")
	}
	return l.join(whyNot(r.NotExecuted)).say(".")
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
		return l.say("I can't find anyone who can decide this. Ask the bot's owner to add an approver.")
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
