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
		says = append(says, "No approver is needed: the reporter's own decision is enough.")
	case rule.RequesterMayApprove:
		says = append(says, fmt.Sprintf("It needs %s. If %s is an approver, their own approval counts.", fromPeople(rule.Approvals), asker))
	default:
		says = append(says, fmt.Sprintf("It needs %s. %s's own approval never counts.", fromPeople(rule.Approvals), capital(asker)))
	}
	if lane == authz.ThirdParty {
		says = append(says, "The person whose sessions it is about never decides.")
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
		return strings.Join(append(says, fmt.Sprintf("If nobody decides within %s, the request expires and nothing is revoked.", wait)), " ")
	}
	later, _ := p.Wait(authz.Matter{Lane: lane, Target: authz.Target{EntraID: somebody, Privileged: true}})
	return strings.Join(append(says, fmt.Sprintf("If nobody decides within %s, the sessions are revoked automatically. This never happens for a protected or privileged account: there the request expires after %s.", wait, inWords(later))), " ")
}

func fromPeople(n int) string {
	if n == 1 {
		return "one approval"
	}
	return fmt.Sprintf("%d approvals from different people", n)
}

func explainProtection(x authz.Protection) string {
	if x.Block {
		return fmt.Sprintf("Protected: %s. Every request about them is refused.", whose(x))
	}
	requester := "The requester's own approval counts only if the lane allows it."
	if !x.RequesterMayApprove {
		requester = "The requester's own approval never counts."
	}
	return fmt.Sprintf("Protected: %s. A request about them needs at least %s in either lane. %s", whose(x), fromPeople(x.Approvals), requester)
}

func explainReminders(r authz.Reminders) string {
	says := "No reminders are sent while a request waits."
	if r.After > 0 {
		says = fmt.Sprintf("While a request waits, the first reminder comes after %s.", inWords(r.After))
		if r.Max > 1 {
			says += fmt.Sprintf(" At most %d are sent. Each pause is %g times as long as the one before.", r.Max, r.Factor)
		} else {
			says += " It is the only reminder."
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
		says = append(says, fmt.Sprintf("One person can make or join at most %s about others.", times(x.N, "request", x.Within)))
		if x.N == authz.DefaultRequests && x.Within == authz.DefaultRequestsWithin {
			says[0] += " That is the default. To change it, set limits.per_requester to another number, or to none."
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
		says = append(says, "Revokes without an approval are counted separately, up to the same numbers.")
	}
	if says == nil {
		return []string{"There are no limits on requests and revokes."}
	}
	return says
}

func explainFreeze(f authz.FreezeRule) string {
	says := fmt.Sprintf("Any approver can freeze all revokes for at most %s. The same person cannot freeze again until %s after its end.", inWords(f.Max), within(authz.Rest))
	if len(f.Unfreeze) > 0 {
		says += fmt.Sprintf(" %s alone can end a freeze early.", capital(oneOf(f.Unfreeze)))
	}
	return says + " Two approvers together can end a freeze early. If there is only one approver, that one can."
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
		says = append(says, "The bot knows nobody else.")
	case says != nil:
		says = append(says, fmt.Sprintf("Everyone else %s counts as the one Entra account with the same address.", from))
	default:
		says = append(says, fmt.Sprintf("A Slack user %s counts as the one Entra account with the same address.", from))
	}
	return strings.Join(says, " ")
}

func explainNotify(silent bool) string {
	if silent {
		return "If somebody else had a person's sessions revoked, the bot does not tell that person."
	}
	return "If somebody else had a person's sessions revoked, the bot tells that person, but not who asked or why."
}

func explainRetention(p *authz.Policy) string {
	if p.Retention == 0 {
		return "What people type is kept forever."
	}
	return fmt.Sprintf("What people type is erased %s after the end of the request. The audit chain keeps everything else.", inWords(p.Retention))
}

// notes are what is allowed, and may surprise.
func notes(p *authz.Policy) []string {
	var says []string
	note := func(format string, args ...any) { says = append(says, fmt.Sprintf(format, args...)) }
	if onlyPerson(p) {
		note("there is only one approver. Nobody can decide if that person is the target of somebody else's request, is away, or has lost the phone with Slack on it.")
	}
	if p.Self.Approvals == 0 {
		note("lanes.self.approvals is 0. Somebody who holds the lost phone with Slack on it can sign its owner out, but can do nothing else.")
	}
	if p.Self.Execute {
		note("lanes.self.on_timeout is execute. Somebody who uses a person's Slack account can get that person signed out if no approver reacts within %s.", inWords(waitOf(p, authz.Self)))
	}
	if third := p.ThirdParty; third.Approvals == 1 && third.RequesterMayApprove {
		note("in the lane third_party one approver can ask and approve alone, so one stolen approver account can sign people out. To require a second person, set approvals: 2 or requester_may_approve: false.")
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
		note("neither limits.per_approver nor limits.total is set, so only a freeze limits how many people a stolen approver account can sign out.")
	}
	_, slack, entra := sorted(p.Approvers)
	if len(slack) > 0 {
		note("people who may edit the Slack user group %s can make anyone an approver. Let only owners and admins of the workspace edit user groups.", or(slack))
	}
	if len(entra) > 0 {
		note("people who own or administer the Entra group %s can make anyone an approver.", or(entra))
	}
	if p.Identity.ByEmail && p.Identity.EmailDomains == nil {
		note("identity.email_domains is not set. The bot knows who somebody is only as well as the e-mail addresses in Slack are right.")
	}
	if !p.Identity.ByEmail {
		note("people who are not in identity.map can neither report nor decide. Add new colleagues on their first day.")
	}
	if p.AsksForRoles() {
		note("a privileged role counts only while it is active. Name people who can activate one, or their groups, under protected.")
		note("the bot reads privileged roles in Entra. It needs the application permissions RoleManagement.Read.Directory and GroupMember.Read.All; without them every account counts as privileged.")
	}
	if e := p.Reminders.EscalateAfter; e > 0 {
		for _, lane := range lanes {
			if wait := waitOf(p, lane); e >= wait {
				note("in the lane %s reminders.escalate calls nobody, because a request waits there only %s.", lane, inWords(wait))
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
