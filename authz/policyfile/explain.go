package policyfile

import (
	"fmt"
	"strings"

	"revoke-sessions/authz"
)

// Explain says in sentences what the policy allows, and then, each beginning
// "Note: ", what somebody who has to defend it should know. It expects what
// Parse or Env answered.
func Explain(p authz.Policy) []string {
	says := []string{"An approver is " + oneOf(p.Approvers) + "."}
	for _, lane := range lanes {
		says = append(says, explainLane(&p, lane))
	}
	for _, x := range p.Protected {
		says = append(says, explainProtection(x))
	}
	says = append(says, explainReminders(p.Reminders))
	says = append(says, explainLimits(p.Limits)...)
	says = append(says, explainFreeze(p.Freeze), explainIdentity(p.Identity), explainNotify(p.SilentTarget), explainRetention(&p))
	for _, note := range notes(&p) {
		says = append(says, "Note: "+note)
	}
	return says
}

func explainLane(p *authz.Policy, lane authz.Lane) string {
	rule := p.Rule(lane)
	about, asker := "report their own lost device", "the reporter"
	if lane == authz.ThirdParty {
		about, asker = "ask for somebody else's sessions to be revoked", "the requester"
	}
	says := []string{fmt.Sprintf("%s may %s (lane %s).", who(rule.WhoMayRequest, p.Approvers), about, lane)}
	switch {
	case rule.Approvals == 0:
		says = append(says, "No approver is needed: the reporter's own confirmation is enough.")
	case rule.RequesterMayApprove:
		says = append(says, fmt.Sprintf("It takes %s; if %s is an approver, theirs counts.", fromPeople(rule.Approvals), asker))
	default:
		says = append(says, fmt.Sprintf("It takes %s; %s's own never counts.", fromPeople(rule.Approvals), asker))
	}
	if lane == authz.ThirdParty {
		says = append(says, "The person it is about never decides.")
	}
	switch {
	case rule.TicketExample != "":
		says = append(says, fmt.Sprintf("A reason is required, and it must name a ticket, for example %s (some part of it must match the regular expression %s).",
			rule.TicketExample, written(rule.Ticket.String())))
	case rule.Ticket != nil:
		says = append(says, "A reason is required, and some part of it must match the regular expression "+written(rule.Ticket.String())+".")
	case rule.ReasonRequired:
		says = append(says, "A reason is required.")
	}
	wait := inWords(waitOf(p, lane))
	if !rule.Execute {
		return strings.Join(append(says, fmt.Sprintf("If it is not decided within %s, it expires and nothing is done.", wait)), " ")
	}
	later, _ := p.Wait(authz.Matter{Lane: lane, Target: authz.Target{EntraID: somebody, Privileged: true}})
	return strings.Join(append(says, fmt.Sprintf("If it is not decided within %s, the sessions are revoked without a decision; for a protected or privileged account nothing is done, and it expires after %s.", wait, inWords(later))), " ")
}

func fromPeople(n int) string {
	if n == 1 {
		return "1 approval"
	}
	return fmt.Sprintf("%d approvals from different people", n)
}

func explainProtection(x authz.Protection) string {
	if x.Block {
		return fmt.Sprintf("Protected: %s. Every request about them is refused.", whose(x))
	}
	requester := "The requester's own counts only where the lane lets it."
	if !x.RequesterMayApprove {
		requester = "The requester's own never counts."
	}
	return fmt.Sprintf("Protected: %s. A request about them takes at least %s in either lane. %s", whose(x), fromPeople(x.Approvals), requester)
}

func explainReminders(r authz.Reminders) string {
	says := "No reminders are sent while a request waits."
	if r.After > 0 {
		says = fmt.Sprintf("While a request waits, the first reminder comes after %s.", inWords(r.After))
		if r.Max > 1 {
			says += fmt.Sprintf(" At most %d are sent, each pause %g times as long as the one before.", r.Max, r.Factor)
		} else {
			says += " It is the only one."
		}
	}
	if r.EscalateAfter > 0 {
		says += fmt.Sprintf(" After %s without a decision the bot calls %s.", inWords(r.EscalateAfter), allOf(r.EscalateTo))
	}
	return says
}

func explainLimits(l authz.Limits) []string {
	var says []string
	if x := l.PerRequester; x.N > 0 {
		says = append(says, fmt.Sprintf("One person can make at most %s about others, those they join included.", times(x.N, "request", x.Within)))
		if x.N == authz.DefaultRequests && x.Within == authz.DefaultRequestsWithin {
			says[0] += " That is the default; limits.per_requester can say another number, or none."
		}
	}
	if x := l.PerApprover; x.N > 0 {
		says = append(says, fmt.Sprintf("One approver can give at most %s.", times(x.N, "approval", x.Within)))
	}
	if x := l.PerTarget; x.N > 0 {
		says = append(says, fmt.Sprintf("One account can be revoked at most %s.", times(x.N, "time", x.Within)))
	}
	if x := l.Total; x.N > 0 {
		says = append(says, fmt.Sprintf("All approvers together can revoke at most %s.", times(x.N, "account", x.Within)))
	}
	if l.PerTarget.N > 0 || l.Total.N > 0 {
		says = append(says, "What takes no approval is counted apart, up to the same numbers.")
	}
	if says == nil {
		return []string{"There are no limits on how much is asked for or revoked."}
	}
	return says
}

func explainFreeze(f authz.FreezeRule) string {
	says := fmt.Sprintf("Any approver can freeze every revoke, for at most %s, and not again within %s of its end.", inWords(f.Max), within(authz.Rest))
	if len(f.Unfreeze) > 0 {
		says += fmt.Sprintf(" To end one earlier, %s is enough; otherwise it takes", oneOf(f.Unfreeze))
	} else {
		says += " To end one earlier takes"
	}
	return says + " two approvers, or the only one that there is."
}

func explainIdentity(id authz.Identity) string {
	var says []string
	if id.ByMap && len(id.Map) > 0 {
		says = append(says, fmt.Sprintf("The map gives the Entra accounts of %s.", count(len(id.Map), "Slack user")))
	}
	from := "with a confirmed e-mail address of any domain"
	if id.EmailDomains != nil {
		from = "with a confirmed e-mail address at " + or(id.EmailDomains)
	}
	switch {
	case !id.ByEmail:
		says = append(says, "Nobody else is known to the bot.")
	case says != nil:
		says = append(says, fmt.Sprintf("Everyone else %s is the one Entra account with the same address.", from))
	default:
		says = append(says, fmt.Sprintf("A Slack user %s is the one Entra account with the same address.", from))
	}
	return strings.Join(says, " ")
}

func explainNotify(silent bool) string {
	if silent {
		return "A person whose sessions somebody else had revoked is told nothing by the bot."
	}
	return "A person whose sessions somebody else had revoked is told so, but not who asked or why."
}

func explainRetention(p *authz.Policy) string {
	if p.Retention == 0 {
		return "What people typed is kept for ever."
	}
	return fmt.Sprintf("What people typed is erased %s after a request's end; the audit chain keeps the rest.", inWords(p.Retention))
}

// notes are what is allowed, and may surprise.
func notes(p *authz.Policy) []string {
	var says []string
	note := func(format string, args ...any) { says = append(says, fmt.Sprintf(format, args...)) }
	if onlyPerson(p) {
		note("there is one single approver. Nobody can decide when that person is the target of somebody else's request, is away or has lost the phone with Slack on it.")
	}
	if p.Self.Approvals == 0 {
		note("lanes.self.approvals is 0. Whoever holds the lost phone's Slack can sign its owner out, and no more.")
	}
	if p.Self.Execute {
		note("lanes.self.on_timeout is execute. Whoever can report with a person's Slack account gets that person signed out if the approvers sleep for %s.", inWords(waitOf(p, authz.Self)))
	}
	if third := p.ThirdParty; third.Approvals == 1 && third.RequesterMayApprove {
		note("in the lane third_party an approver can ask and approve alone, so one stolen approver's account can sign out people. Two approvals, or requester_may_approve: false, would take a second person.")
	}
	for _, lane := range lanes {
		if rule := p.Rule(lane); rule.Ticket != nil && rule.TicketExample == "" {
			note("%[1]s.ticket has no example, so people read the regular expression. Add %[1]s.ticket_example, like INC-1234.", pathOf(lane))
		}
	}
	if p.Limits.PerRequester.N == 0 {
		note("limits.per_requester is none, so one person can fill the approvers' channel with cards.")
	}
	if p.Limits.PerApprover.N == 0 && p.Limits.Total.N == 0 {
		note("neither limits.per_approver nor limits.total is set, so nothing but a freeze bounds how many people a stolen approver's account can sign out.")
	}
	_, slack, entra := sorted(p.Approvers)
	if len(slack) > 0 {
		note("whoever may edit the Slack user group %s can make anyone an approver. Let owners and admins of the workspace only edit user groups.", or(slack))
	}
	if len(entra) > 0 {
		note("whoever owns or administers the Entra group %s can make anyone an approver.", or(entra))
	}
	if p.Identity.ByEmail && p.Identity.EmailDomains == nil {
		note("identity.email_domains is not set. Who somebody is is only as good as the e-mail addresses in Slack.")
	}
	if !p.Identity.ByEmail {
		note("whoever is not in identity.map can neither report nor decide. Add new colleagues on their first day.")
	}
	if p.AsksForRoles() {
		note("a privileged role that somebody could activate but has not does not count. Name such people or their groups under protected.")
		note("privileged roles are looked up in Entra, which takes the application permissions RoleManagement.Read.Directory and GroupMember.Read.All. Without them every account counts as privileged.")
	}
	if e := p.Reminders.EscalateAfter; e > 0 {
		for _, lane := range lanes {
			if wait := waitOf(p, lane); e >= wait {
				note("in the lane %s nobody is called by reminders.escalate, for a request waits there for %s only.", lane, inWords(wait))
			}
		}
	}
	return says
}

// onlyPerson reports whether all approvers are one person.
func onlyPerson(p *authz.Policy) bool {
	if !onlyUsers(p.Approvers) {
		return false
	}
	accounts := map[string]bool{}
	for _, id := range p.Approvers {
		accounts[accountOf(p, id)] = true
	}
	return len(accounts) == 1
}
