package message

import (
	"fmt"
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// Refusal tells one person why the bot refuses, and who can act instead. r may be nil.
func Refusal(reason authz.Reason, r *bot.Request, v View) bot.Message {
	l := &line{}
	if r != nil {
		l = begin(r)
		if named(reason, r) {
			l.boldTyped(r.Name()).bold(": ")
		}
	}
	if refuse, ok := refusals[reason]; ok {
		refuse(l, r, v)
	} else {
		l.say("This is not allowed.")
	}
	l.say("%s", nothing(reason, r, v))
	if tried(reason, v.Wanted) {
		l.say(" This was recorded.")
	}
	if drill := r != nil && r.Drill; v.Emergency != "" && !drill && (bot.AboutMapping(reason) || slices.Contains(cannotHelp, reason)) {
		l.say(" If it cannot wait: ").typed(v.Emergency)
	}
	p := &page{}
	p.add(l)
	return p.message()
}

// named reports whether a refusal may say whom the request is about. A click elsewhere
// than on the live card proves nothing about the person who clicks: they may have learned
// the ID of a request that they must not read.
func named(reason authz.Reason, r *bot.Request) bool {
	known := r.Words.DisplayName != "" || r.Words.UPN != ""
	return known && reason != bot.WrongPlace && reason != bot.NotNoted
}

// nothing says what did not happen, as far as that is known.
func nothing(reason authz.Reason, r *bot.Request, v View) string {
	switch {
	case slices.Contains([]authz.Reason{authz.AlreadyFrozen, authz.NotFrozen, authz.CancelNeedsApprover}, reason), v.Wanted == authz.See:
		return ""
	case reason == bot.WrongPlace, reason == bot.NotNoted:
		return " Your click changed nothing."
	case v.Wanted == authz.Ask:
		return " Nothing was sent."
	case v.Wanted == authz.Freeze:
		return " Nothing was frozen."
	case v.Wanted == authz.Unfreeze:
		return " No freeze was ended."
	case r != nil && r.State.Undone() && r.State != bot.Void && !r.Drill: // another request may have revoked what a void one asked for
		return " Nothing was revoked."
	case v.Wanted == authz.Deny && r != nil && r.State == bot.Pending:
		return " Nothing was denied."
	case v.Wanted == authz.Cancel:
		return " Nothing was cancelled."
	case v.Wanted == authz.Confirm && r != nil && r.State == bot.Pending && len(r.Attempts) == 0 && !r.Drill:
		return " Nothing was revoked."
	case v.Wanted == authz.Confirm, v.Wanted == authz.Deny, v.Wanted == authz.Retry:
		return " Your click changed nothing."
	}
	return " Nothing was changed."
}

// tried reports whether somebody tried to decide without the right, and so reads that this
// was recorded. It is no threat for everybody else: a typo and a late click are recorded too.
func tried(reason authz.Reason, wanted authz.Action) bool {
	return slices.Contains([]authz.Action{authz.Confirm, authz.Retry, authz.Deny, authz.Unfreeze}, wanted) &&
		slices.Contains(withoutRight, reason)
}

// withoutRight are the refusals of people who have no right to decide.
var withoutRight = []authz.Reason{
	authz.NotAMember, authz.Guest, authz.OutsideWorkspace, authz.NotApprover, authz.AccountBlocked,
	authz.TargetMayNotDecide, authz.TargetMayNotEnd, authz.RequesterMayNotDecide,
}

// cannotHelp are the refusals that also name the emergency way.
var cannotHelp = []authz.Reason{
	bot.LookupFailed, bot.TooFast, bot.GaveUp, bot.OtherRules, bot.OverLimit, bot.OwnAccount,
	authz.Frozen, authz.TargetProtected, authz.MembershipUnknown, authz.MayNotRequest,
}

// refusal adds the sentences for one reason.
type refusal func(l *line, r *bot.Request, v View)

// plainly is a refusal without variable parts.
func plainly(text string) refusal {
	return func(l *line, _ *bot.Request, _ View) { l.say("%s", text) }
}

// byDecider is a refusal that ends with the people who can decide instead.
func byDecider(text string) refusal {
	return func(l *line, _ *bot.Request, v View) { l.say("%s", text).whoCan(v.Deciders, v.Reader) }
}

// byApprover is a refusal that ends with the other approvers.
func byApprover(text string) refusal {
	return func(l *line, _ *bot.Request, v View) { l.say("%s", text).whoCan(v.Approvers, v.Reader) }
}

// whoCan ends a sentence with the people who can act, except one.
func (l *line) whoCan(names []string, but string) *line {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == but })
	if len(names) == 0 {
		return l.say(", but I can't find anybody.")
	}
	return l.say(": ").people(names).say(".")
}

// notMapped is a refusal because the bot cannot tell which account is the reader's.
func notMapped(text string) refusal {
	return func(l *line, _ *bot.Request, v View) { l.say("%s", text).mapped(v) }
}

// refusals hold the sentences for each reason.
var refusals = map[authz.Reason]refusal{
	authz.NotApprover: func(l *line, _ *bot.Request, v View) {
		l.say("You are not an approver, so you can't %s. An approver can", doing(v.Wanted)).whoCan(v.Approvers, v.Reader)
	},
	authz.AccountBlocked:     byDecider("Your own Entra account is blocked, so you can't decide here. Another approver can"),
	authz.TargetMayNotDecide: byDecider("This is about your own account, so somebody else must decide it"),
	authz.TargetMayNotEnd:    targetMayNotEnd,
	authz.NotRequester:       byApprover("Only the person who asked can cancel this. An approver can deny it"),
	authz.OthersAskedToo: byDecider(
		"Other people asked for this too, so none of you can cancel it alone. An approver can deny it"),
	authz.NotAMember:       plainly("Only people of this workspace can do this. Apps, workflows and deactivated accounts can't."),
	authz.Guest:            plainly("Guests can't ask for a revoke or decide one. Ask a full member of this workspace."),
	authz.OutsideWorkspace: plainly("Your Slack account belongs to another workspace. Only members of this one can do this."),
	authz.EmailMissing: notMapped("Slack shows me no e-mail address for you, so I can't tell which account is yours. " +
		"Ask a Slack administrator to add one."),
	authz.EmailUnconfirmed: notMapped("Your e-mail address is not confirmed in Slack, so I can't tell which account is yours. " +
		"Confirm it in Slack's settings. If you sign in to Slack by SSO, Slack may not offer that."),
	authz.NoAccount: notMapped("I found no Entra account with your Slack e-mail address."),
	authz.SeveralAccounts: notMapped("I found several Entra accounts with your Slack e-mail address, " +
		"so I can't tell which is yours."),
	authz.NotMapped: notMapped("The policy does not say which Entra account is yours."),
	authz.EmailDomain: notMapped("The policy does not accept the domain of your Slack e-mail address, " +
		"so I can't tell which account is yours."),
	authz.AccountOfSomebody: notMapped("The account with your Slack e-mail address belongs to another Slack user, " +
		"so I can't tell which account is yours."),
	authz.MembershipUnknown: membershipUnknown,
	authz.MayNotRequest:     byApprover("The policy does not let you ask for this. An approver can"),
	authz.ReasonRequired: func(l *line, r *bot.Request, _ View) {
		l.say("Please give a reason. Type it after the person: `%s`.", example(r, ""))
	},
	authz.TicketRequired: func(l *line, r *bot.Request, v View) {
		l.say("Please name a ticket in the reason").join(ticketPattern(r, v)).
			say(". Type it after the person: `%s`.", example(r, ", ticket …"))
	},
	authz.TargetProtected: plainly("The policy lets nobody revoke this account from Slack. " +
		"Use the Entra portal, or ask the people who manage the account."),
	authz.RequesterMayNotDecide: byDecider("You asked for this, so somebody else must approve it"),
	authz.AlreadyApproved: byDecider(
		"You approved this already, and each person counts once. It is waiting for somebody else"),
	authz.Frozen: func(l *line, _ *bot.Request, v View) {
		l.say("A freeze is on, so nothing can be approved now.").join(freezeEnds(v))
	},
	authz.AlreadyFrozen: func(l *line, _ *bot.Request, v View) { l.say("A freeze is on already.").join(freezeEnds(v)) },
	authz.NotFrozen:     plainly("No freeze is on."),
	authz.FrozeLately:   frozeLately,
	authz.AlreadyVoted: byApprover(
		"You asked to end the freeze already, and each person counts once. It is waiting for another approver"),
	authz.CancelNeedsApprover: func(l *line, _ *bot.Request, v View) { // the wish goes on, so nothing was refused
		l.say("Somebody who found the device could ask this, so an approver decides").whoCan(v.Approvers, v.Reader)
	},
	bot.AlreadyDecided: func(l *line, r *bot.Request, _ View) { l.join(decided(r)) },
	bot.TooLate:        plainly("This request has expired. Ask again with `/revoke-sessions`."),
	bot.NotRetryable: func(l *line, r *bot.Request, _ View) {
		l.say("There is nothing to try again. ").join(decided(r))
	},
	bot.UnknownRequest: plainly("I can't find that request among yours. `/revoke-sessions status` lists what is open."),
	bot.WrongPlace:     wrongPlace,
	bot.NotNoted: plainly("I'm not ready for this card yet. Press again in a few seconds. " +
		"`/revoke-sessions status` lists what is open."),
	bot.LookupFailed: lookupFailed,
	bot.TooFast: func(l *line, _ *bot.Request, v View) {
		l.say("You're asking faster than I can look people up. Try again in %s.", atLeast(v.Wait))
	},
	bot.TargetIsApp: plainly("That is an app, not a person."),
	bot.OwnAccount: plainly("The bot signs in to Entra with this account. Revoking it here would sign the bot out. " +
		"Revoke it in the Entra portal. After that, the bot's owner must run `revoke-sessions login`."),
	bot.LastApproval: func(l *line, r *bot.Request, v View) {
		if r != nil && len(r.Approvals) > 0 {
			approvedSoFar(r, l).say(" ")
		}
		l.say("Your approval would now be the last one, but your button did not say so. Press the new button on the card if you want to go on.")
	},
	bot.IsVoid: func(l *line, r *bot.Request, _ View) {
		l.say("This card was out of date, so its request is closed.").join(followedBy(r))
	},
	bot.TargetChanged: targetChanged,
	bot.NotOnRecord: plainly("The stored request differs from its audit record, so the bot does not call Microsoft for it. " +
		"The bot's owner must check the database. Ask again with `/revoke-sessions`."),
	bot.FreezeChanged:   freezeChanged,
	bot.OverLimit:       func(l *line, _ *bot.Request, v View) { overLimit(l, v) },
	bot.TooFewApprovers: plainly("Too few approvers are available. Ask the bot's owner to add one."),
	bot.OtherRules: plainly("Another copy of this bot started later with other rules, " +
		"so this copy can't approve anything or end a freeze. " +
		"Please try again: the other copy may get it. The bot's owner must restart every copy."),
	bot.GaveUp: plainly("I tried several times and could not do this. Please try again."),
}

// doing says what an action does.
func doing(a authz.Action) string {
	switch a {
	case authz.Confirm:
		return "approve this"
	case authz.Deny:
		return "deny this"
	case authz.Retry:
		return "try this again"
	case authz.Freeze:
		return "freeze revokes"
	case authz.Unfreeze:
		return "end a freeze"
	}
	return "do this"
}

func targetMayNotEnd(l *line, r *bot.Request, v View) {
	l.say("This is a report about your own device. Somebody who found it could press this button, so another approver must deny it")
	if r == nil {
		l.whoCan(v.Approvers, v.Reader)
		return
	}
	l.whoCan(v.Approvers, r.TargetSlackID)
	if v.Policy != nil && v.Policy.Require(r.Matter()).RequesterMayApprove {
		l.say(" You can approve it yourself.")
	}
}

func frozeLately(l *line, _ *bot.Request, v View) {
	l.say("Your last freeze ended ").when(v.LastFreeze).say(". Wait until ").when(v.LastFreeze.Add(authz.Rest)).
		say(" before your next one, so that one person cannot block revokes for long. Another approver can freeze now").
		whoCan(v.Approvers, v.Reader)
}

func membershipUnknown(l *line, _ *bot.Request, v View) {
	l.say("I could not read a group that this depends on.")
	switch {
	case v.Remedy != "":
		l.say(" %s", v.Remedy)
	case v.TooOften:
		l.say(" %s asked the bot to wait. Please try again in %s.", v.Where, atLeast(v.Wait))
	case v.Spent:
		l.say(" Too many people are asking right now. Please try again in %s.", atLeast(v.Wait))
	default:
		l.say(" Please try again in a moment.")
	}
}

func lookupFailed(l *line, _ *bot.Request, v View) {
	const unchecked = "so I could not check who you are or which account this is about."
	switch {
	case v.Remedy != "":
		l.say("%s refused a look-up, %s %s", v.Where, unchecked, v.Remedy)
	case v.TooOften:
		l.say("%s asked the bot to wait, %s Please try again in %s.", v.Where, unchecked, atLeast(v.Wait))
	case v.Spent:
		l.say("Too many people are asking right now, %s Please try again in %s.", unchecked, atLeast(v.Wait))
	default:
		l.say("%s did not answer, %s Please try again in a moment.", v.Where, unchecked)
	}
}

func wrongPlace(l *line, r *bot.Request, v View) {
	l.say("This is not the live card.")
	switch more := readMore(v); {
	case r != nil && r.AtConsole():
		l.say(" That request was made at a terminal and has no card.")
	case len(more.parts) > 0:
		l.say(" ").join(more)
	default:
		l.say(" `/revoke-sessions status` lists what is open.")
	}
}

func targetChanged(l *line, _ *bot.Request, v View) {
	if slices.Equal(v.Changed, []bot.Difference{bot.RevokedMeanwhile}) {
		l.say("Since this failed, %s. The card says so in a moment. Try again there if you still need it.", inWords(v.Changed))
		return
	}
	l.say("This can't be tried again, because something changed: %s. Ask again with `/revoke-sessions`.", inWords(v.Changed))
}

// mapped says how the bot can learn which account is the reader's, and who can act for
// them until then.
func (l *line) mapped(v View) *line {
	l.say(" The bot's owner can add your account to the policy file, under identity.map.")
	return l.say(" Until then, an approver can act for you").whoCan(v.Approvers, v.Reader)
}

// example is a command to type instead, in the request's lane.
func example(r *bot.Request, more string) string {
	if r != nil && r.Lane == authz.Self {
		return "/revoke-sessions me lost my phone" + more
	}
	return "/revoke-sessions @name stolen laptop" + more
}

// ticketPattern shows what a ticket must look like.
func ticketPattern(r *bot.Request, v View) *line {
	if r == nil || v.Policy == nil {
		return &line{}
	}
	return ticketLike(v.Policy.Rule(r.Lane))
}

// ticketLike goes on after "a ticket": with the policy's example, and with the regular
// expression only where it gives none.
func ticketLike(rule authz.Rule) *line {
	l := &line{}
	switch {
	case rule.TicketExample != "":
		l.say(", for example ").typed(rule.TicketExample)
	case rule.Ticket != nil:
		l.say(" (it must match ").typed(rule.Ticket.String()).say(")")
	}
	return l
}

// freezeEnds says how the current freeze ends.
func freezeEnds(v View) *line {
	if v.Freeze == nil {
		return &line{}
	}
	return freezeEnding((&line{}).say(" "), v.Freeze)
}

// followedBy names the request that replaced a void one.
func followedBy(r *bot.Request) *line {
	l := &line{}
	if r != nil && r.ReplacedBy != "" {
		l.say(" %s replaces it.", r.ReplacedBy)
	}
	return l
}

// overLimit says which limit is reached, until when, and who else can act.
func overLimit(l *line, v View) {
	if v.Limit == nil {
		l.say("A limit of the policy is reached.")
		return
	}
	limit := v.Limit.Use.Limit
	within := Spell(limit.Within)
	switch v.Limit.Use.Kind {
	case bot.PerRequester:
		l.say("You have used %s.", allOf(limit, "request"))
	case bot.PerApprover:
		l.say("You have used %s. Another approver can", allOf(limit, "approval")).whoCan(v.Deciders, v.Reader)
	case bot.PerTarget, bot.OwnTarget:
		l.say("The policy allows %s of one account in %s, and %s used.", count(limit.N, "revoke"), within, allAre(limit.N))
	default:
		l.say("The policy allows %s in %s altogether, and %s used.", count(limit.N, "revoke"), within, allAre(limit.N))
	}
	l.say(" There is room again ").when(v.Limit.Free).say(".")
}

// allOf names what one person may do and has done. The window slides, and "today" is
// short for 24 hours: when there is room again follows.
func allOf(limit authz.Limit, thing string) string {
	within := "in " + Spell(limit.Within)
	if limit.Within == 24*time.Hour {
		within = "for today"
	}
	if limit.N == 1 {
		return "your only " + thing + " " + within
	}
	return fmt.Sprintf("all %d of your %ss %s", limit.N, thing, within)
}

func allAre(n int) string {
	if n == 1 {
		return "it is"
	}
	return fmt.Sprintf("all %d are", n)
}

// decided says what became of a request, to a person who comes too late.
func decided(r *bot.Request) *line {
	l := &line{}
	d := r.Verdict()
	switch {
	case r.State == bot.Lost:
		return l.say("The database lost rows, so this request was closed without a known outcome (").when(r.EndedAt).
			say("). If you still need it, ask again with `/revoke-sessions`.")
	case r.State == bot.Expired:
		return l.say("Nobody decided this in time, so it expired (").when(r.EndedAt).say(").")
	case d == nil:
		return l.say("It is still waiting for its first decision.")
	case r.State == bot.Denied:
		l.person(d.SlackID).say(" denied this")
	case r.State == bot.Cancelled:
		l.person(d.SlackID).say(" cancelled this")
	case d.Kind == authz.TimeOut:
		l.say("Nobody decided this in time, so it went on automatically")
	default:
		l.person(d.SlackID).say(" approved this")
	}
	return l.say(" (").when(d.At).say(").%s", became(r))
}

// became says what an approved request has come to.
func became(r *bot.Request) string {
	switch {
	case r.State == bot.NotVisibleYet, r.State == bot.Unreachable, r.State.Accepted() && r.Target.Guest == graph.Yes:
		return " The outcome is on the card."
	case r.State.Accepted():
		return " The sessions are revoked."
	case r.State == bot.Drilled:
		return " The drill is over."
	case r.State == bot.Failed && !r.Drill && r.Attempts.Unclear() == nil:
		return " It failed, and nothing was revoked."
	case r.State == bot.Failed:
		return " It failed."
	case r.State == bot.Unknown:
		return " It is not known yet what came of it."
	case r.State == bot.Executing:
		return " I'm asking Microsoft Entra now."
	case r.State == bot.Approved:
		return " It is not finished yet."
	}
	return ""
}

// TargetRefusal says why the bot cannot tell which account is meant.
func TargetRefusal(reason authz.Reason, r *bot.Request, whom bot.Whom) bot.Message {
	who := func(l *line) *line {
		switch {
		case whom.SlackID != "":
			return l.person(whom.SlackID)
		case whom.ObjectID != "":
			return l.typed(whom.ObjectID)
		}
		return l.typed(bot.Clean(whom.Address, bot.MaxAddress))
	}
	l := begin(r)
	if r.TargetLeft != "" {
		l.person(r.TargetLeft).say(" is deactivated in Slack. ")
	}
	switch reason {
	case authz.NoAccount:
		who(l.say("I found no account for "))
		if whom.SlackID != "" {
			l.say(". Type the user principal name or the object ID instead.")
			break
		}
		l.say(". Check the address, or mention the person: `/revoke-sessions @name reason`. A new account can take some minutes to appear.")
	case authz.SeveralAccounts:
		who(l.say("I found more than one account for ")).say(". Type the user principal name or the object ID instead.")
	case authz.EmailMissing:
		who(l.say("Slack shows me no e-mail address for ")).say(". Type the user principal name or the object ID instead.")
	case authz.EmailUnconfirmed:
		who(l.say("The Slack e-mail address of ")).say(" is not confirmed, so I can't rely on it. Type the user principal name or the object ID instead.")
	case authz.NotMapped:
		who(l.say("The policy does not say which Entra account belongs to ")).say(". Type the user principal name or the object ID instead.")
	case authz.EmailDomain:
		who(l.say("The Slack e-mail address of ")).say(" has a domain that the policy does not accept. Type the user principal name or the object ID instead.")
	case authz.AccountOfSomebody:
		who(l.say("The Slack e-mail address of ")).
			say(" leads to an account that belongs to another Slack user. Type the user principal name or the object ID instead.")
	case authz.OutsideWorkspace:
		who(l).say(" is not in this workspace, so I can't rely on the e-mail address. Type the user principal name or the object ID instead.")
	case bot.TargetIsApp:
		who(l).say(" is an app, not a person.")
	}
	p := &page{}
	p.add(l.say(" Nothing was sent."))
	return p.message()
}

// atLeast spells a wait, rounded up.
func atLeast(d time.Duration) string {
	return Spell(max(time.Second, (d + time.Second - 1).Truncate(time.Second)))
}
