package message

import (
	"slices"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// recorded ends a refusal.
const recorded = " Nothing was changed; this was recorded."

// Refusal tells one person why the bot refuses, and who can act instead. r may be nil.
func Refusal(reason authz.Reason, r *bot.Request, v View) bot.Message {
	l := &line{}
	if r != nil {
		l = begin(r)
	}
	if refuse, ok := refusals[reason]; ok {
		refuse(l, r, v)
	} else {
		l.say("This is not allowed." + recorded)
	}
	if v.Emergency != "" && (bot.AboutMapping(reason) || slices.Contains(cannotHelp, reason)) {
		l.say(" If it cannot wait: ").typed(v.Emergency)
	}
	p := &page{}
	p.add(l)
	return p.message()
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

// naming is a refusal that ends with the people who can act instead.
func naming(who func(*line, View) *line, text string) refusal {
	return func(l *line, _ *bot.Request, v View) { who(l.say("%s", text), v).say("." + recorded) }
}

// notMapped is a refusal because the bot cannot tell which account is the reader's.
func notMapped(text string) refusal {
	return func(l *line, _ *bot.Request, v View) { l.say("%s", text).mapped(v) }
}

// refusals hold the sentences for each reason.
var refusals = map[authz.Reason]refusal{
	authz.NotApprover: naming((*line).otherApprovers,
		"Only an approver can do this, and you are not one. Current approvers: "),
	authz.AccountBlocked: naming((*line).deciders,
		"Your own Entra account may not sign in, so you cannot decide here. Another approver can: "),
	authz.TargetMayNotDecide: naming((*line).deciders,
		"This request is about your own account, so someone else must decide it: "),
	authz.TargetMayNotEnd: plainly("This is a report about your own lost device. " +
		"Whoever found it could press this button, so another approver must deny it. You may confirm it yourself." + recorded),
	authz.NotRequester: plainly("Only the person who asked can cancel this. Approvers can deny it." + recorded),
	authz.OthersAskedToo: naming((*line).deciders,
		"Others asked for the same, so none of you can cancel it alone. An approver can deny it: "),
	authz.NotAMember: plainly("Only people of this workspace can do this, not apps, workflows or deactivated accounts." + recorded),
	authz.Guest: func(l *line, _ *bot.Request, _ View) {
		l.say("Guests of this workspace cannot ask for a revoke or decide one. Ask a full member.")
		l.say(recorded)
	},
	authz.OutsideWorkspace: plainly("Only members of this workspace can do this; your account belongs to another one." + recorded),
	authz.EmailMissing: notMapped("Your Slack profile shows me no e-mail address, so I cannot tell which account is yours. " +
		"Ask a Slack administrator."),
	authz.EmailUnconfirmed: notMapped("Slack does not call your e-mail address confirmed, so I cannot tell which account is yours. " +
		"Confirm it in Slack's settings; if you sign in to Slack by SSO, there may be nothing to confirm."),
	authz.NoAccount: notMapped("I found no Entra account with your Slack e-mail address."),
	authz.SeveralAccounts: notMapped("Your Slack e-mail address leads to more than one Entra account, " +
		"so I cannot tell which is yours."),
	authz.NotMapped: notMapped("The policy does not say which Entra account is yours, so I cannot tell."),
	authz.EmailDomain: notMapped("Your Slack e-mail address is of a domain that does not count here, " +
		"so I cannot tell which account is yours."),
	authz.AccountOfSomebody: notMapped("Your Slack e-mail address leads to an account that belongs to another Slack user, " +
		"so I cannot tell which is yours."),
	authz.MembershipUnknown: membershipUnknown,
	authz.MayNotRequest:     naming((*line).otherApprovers, "The policy does not let you ask for this. An approver can: "),
	authz.ReasonRequired: func(l *line, r *bot.Request, _ View) {
		l.say("I need a reason for this."+recorded+" Type it after the person: `%s`.", example(r, ""))
	},
	authz.TicketRequired: func(l *line, r *bot.Request, v View) {
		l.say("The reason must name a ticket").join(ticketPattern(r, v)).
			say("."+recorded+" Type it after the person: `%s`.", example(r, ", ticket …"))
	},
	authz.TargetProtected: plainly("The policy lets nobody revoke this account from Slack." + recorded +
		" Use the Entra portal, or ask whoever is in charge of that account."),
	authz.RequesterMayNotDecide: naming((*line).deciders, "You asked for this, so somebody else must confirm it: "),
	authz.AlreadyApproved: naming((*line).deciders,
		"You have approved this already, and each person counts once. Somebody else must, too: "),
	authz.Frozen: func(l *line, _ *bot.Request, v View) {
		l.say("All revokes are frozen, so nothing can be confirmed just now.").join(freezeEnds(v)).say(recorded)
	},
	authz.AlreadyFrozen: func(l *line, _ *bot.Request, v View) {
		l.say("A freeze is on already.").join(freezeEnds(v)).say(recorded)
	},
	authz.NotFrozen: plainly("No freeze is on." + recorded),
	authz.FrozeLately: func(l *line, _ *bot.Request, v View) {
		l.say("Your last freeze ended ").when(v.LastFreeze).say(", and you may not freeze again for %s after that", Spell(authz.Rest)).
			say(": one person shall not stop every revoke for long. Another approver can: ").otherApprovers(v).say("." + recorded)
	},
	authz.AlreadyVoted: naming((*line).otherApprovers,
		"You have asked to end the freeze already, and each person counts once. Another approver must, too: "),
	authz.CancelNeedsApprover: func(l *line, _ *bot.Request, v View) { // the wish goes on, so nothing was refused
		l.say("Whoever found the phone could cancel, so an approver decides: ").otherApprovers(v).say(".")
	},
	bot.AlreadyDecided: func(l *line, r *bot.Request, _ View) {
		l.say("Already decided: ").join(decided(r)).say(recorded)
	},
	bot.TooLate: plainly("This request has expired." + recorded + " Report again with `/revoke-sessions`."),
	bot.NotRetryable: func(l *line, r *bot.Request, _ View) {
		l.say("There is nothing to try again here: ").join(decided(r)).say(recorded)
	},
	bot.UnknownRequest: plainly("I know no such request of yours." + recorded + " `/revoke-sessions status` lists what is open."),
	bot.WrongPlace:     wrongPlace,
	bot.NotNoted: plainly("I have not noted yet which card is the live one, so this did nothing and was recorded. " +
		"Press again in a few seconds; `/revoke-sessions status` lists what is open."),
	bot.LookupFailed: lookupFailed,
	bot.TooFast: func(l *line, _ *bot.Request, v View) {
		l.say("You're asking faster than I can look people up."+recorded+" Try again in %s.", atLeast(v.Wait))
	},
	bot.TargetIsApp: plainly("That is an app, not a person." + recorded),
	bot.OwnAccount: plainly("This is the account with which this bot signs in to Entra; revoking it would sign the bot out." + recorded +
		" Do it in the Entra portal, and have whoever runs the bot run `revoke-sessions login` afterwards."),
	bot.IsVoid: func(l *line, r *bot.Request, _ View) {
		l.say("This card was no longer true, so it is void.").join(followedBy(r)).say(recorded)
	},
	bot.TargetChanged: targetChanged,
	bot.NotOnRecord: plainly("The audit record does not show this request as it is stored, so nothing is called for it." + recorded +
		" Whoever runs the bot should look at the database. Ask again with `/revoke-sessions`."),
	bot.OverLimit: func(l *line, _ *bot.Request, v View) {
		overLimit(l, v)
		l.say(recorded)
	},
	bot.TooFewApprovers: plainly("Too few approvers could decide." + recorded),
	bot.OtherRules: plainly("Another copy of this bot started later and has other rules, " +
		"so this copy may not confirm anything or end a freeze." + recorded +
		" Please try again: the other copy may get it. Whoever runs the bot must restart every copy."),
	bot.GaveUp: plainly("I could not carry this out, several times over, and have given up." + recorded + " Please try again."),
}

func membershipUnknown(l *line, _ *bot.Request, v View) {
	l.say("I could not look up who is in a group that this depends on.")
	switch {
	case v.Remedy != "":
		l.say(" %s refused to tell me. %s"+recorded, v.Where, v.Remedy)
	case v.TooOften:
		l.say(" %s asked the bot to wait."+recorded+" Please try again in %s.", v.Where, atLeast(v.Wait))
	case v.Spent:
		l.say(" Too many people are asking for look-ups just now."+recorded+" Please try again in %s.", atLeast(v.Wait))
	default:
		l.say(recorded + " Please try again in a moment.")
	}
}

func lookupFailed(l *line, _ *bot.Request, v View) {
	switch {
	case v.Remedy != "":
		l.say("%s refused to tell me who you are, or what I must know of the account. %s"+recorded, v.Where, v.Remedy)
	case v.TooOften:
		l.say("%s asked the bot to wait, so I could not check who you are or whom you mean."+recorded+
			" Please try again in %s.", v.Where, atLeast(v.Wait))
	case v.Spent:
		l.say("Too many people are asking for look-ups just now, so I have not checked who you are or whom you mean."+recorded+
			" Please try again in %s.", atLeast(v.Wait))
	default:
		l.say("%s did not answer, so I could not check who you are or whom you mean."+recorded+" Please try again in a moment.", v.Where)
	}
}

func wrongPlace(l *line, r *bot.Request, v View) {
	l.say("This is not the live card of its request, so your click did nothing and was recorded. ")
	if r != nil && r.AtConsole() {
		l.say("That request has no card.")
	} else if v.CardLink != "" {
		l.link(v.CardLink, "The live card is here").say(".")
	}
}

func targetChanged(l *line, _ *bot.Request, v View) {
	if slices.Equal(v.Changed, []bot.Difference{bot.RevokedMeanwhile}) {
		l.say("Since this failed, %s."+recorded+" The card says so in a moment. Try again there if it is still needed.", inWords(v.Changed))
		return
	}
	l.say("This cannot be tried again, for it changed since: %s."+recorded+" Ask again with `/revoke-sessions`.", inWords(v.Changed))
}

// mapped says how the bot can learn which account is the reader's, and who can act for
// them until then.
func (l *line) mapped(v View) *line {
	l.say(" Whoever runs the bot can name your account in the policy file, under identity.map.")
	if slices.ContainsFunc(v.Approvers, func(name string) bool { return name != v.Reader }) {
		l.say(" Until then, ask an approver to act: ").otherApprovers(v).say(".")
	} else {
		l.say(" I know of nobody else here who could act for you.")
	}
	return l.say(recorded)
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
		l.say(" %s took its place.", r.ReplacedBy)
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
		l.say("The policy lets one person ask for %s in %s, and as many were asked for in your name.", count(limit.N, "revoke"), within)
	case bot.PerApprover:
		l.say("The policy lets one approver confirm %s in %s, and you did as many. Another approver can: ", count(limit.N, "revoke"), within).
			deciders(v).say(".")
	case bot.PerTarget, bot.OwnTarget:
		l.say("The policy allows %s of one account in %s, and there were as many.", count(limit.N, "revoke"), within)
	default:
		l.say("The policy allows %s in %s altogether, and there were as many.", count(limit.N, "revoke"), within)
	}
	l.say(" There is room again ").when(v.Limit.Free).say(".")
}

// decided says how a request was decided, to a person who comes too late.
func decided(r *bot.Request) *line {
	l := &line{}
	d := r.Verdict()
	switch {
	case r.State == bot.Lost:
		return l.say("the database has lost rows, and it was closed as not known (").when(r.EndedAt).
			say("). If it is still needed, ask again with `/revoke-sessions`.")
	case r.State == bot.Expired:
		return l.say("nobody did so in time and it expired (").when(r.EndedAt).say(").")
	case d == nil:
		return l.say("it is still waiting for its first decision.")
	case r.State == bot.Denied:
		l.say("denied by ")
	case r.State == bot.Cancelled:
		l.say("cancelled by ")
	case d.Kind == authz.TimeOut:
		return l.say("nobody had in time, and the policy had it carried out (").when(d.At).say(").")
	default:
		l.say("approved by ")
	}
	return l.person(d.SlackID).say(" (").when(d.At).say(").")
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
		who(l.say("No account found for "))
		if whom.SlackID != "" {
			l.say(". Use the user principal name or the object ID.")
			break
		}
		l.say(". Check the address, or mention the person: `/revoke-sessions @name reason`. A new account may take some minutes to be found.")
	case authz.SeveralAccounts:
		who(l.say("I found more than one account for ")).say(". Use the user principal name or the object ID.")
	case authz.EmailMissing:
		who(l.say("Slack shows me no e-mail address of ")).say(". Use the user principal name or the object ID.")
	case authz.EmailUnconfirmed:
		who(l.say("The Slack e-mail address of ")).say(" is not confirmed, so it proves nothing. Use the user principal name or the object ID.")
	case authz.NotMapped:
		who(l.say("The policy does not say which Entra account belongs to ")).say(". Use the user principal name or the object ID.")
	case authz.EmailDomain:
		who(l.say("The Slack e-mail address of ")).say(" is of a domain that does not count here. Use the user principal name or the object ID.")
	case authz.AccountOfSomebody:
		who(l.say("The Slack e-mail address of ")).
			say(" leads to an account that belongs to another Slack user. Use the user principal name or the object ID.")
	case authz.OutsideWorkspace:
		who(l).say(" is not of this workspace, so the e-mail address proves nothing here. Use the user principal name or the object ID.")
	case bot.TargetIsApp:
		who(l).say(" is an app, not a person.")
	}
	p := &page{}
	p.add(l.say(" Nothing was asked for."))
	return p.message()
}

// atLeast spells a wait, rounded up.
func atLeast(d time.Duration) string {
	return Spell(max(time.Second, (d + time.Second - 1).Truncate(time.Second)))
}
