package message

import (
	"fmt"
	"slices"
	"strings"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// WhyUnable says why somebody cannot decide, to follow their name.
func WhyUnable(u bot.Unable) string {
	if words, ok := unableWords[u.Reason]; ok {
		return words
	}
	return strings.ReplaceAll(string(u.Reason), "_", " ")
}

// unableWords say why somebody cannot decide.
var unableWords = map[authz.Reason]string{
	authz.NotAMember:        "no active member of the workspace",
	authz.Guest:             "a guest in Slack",
	authz.OutsideWorkspace:  "not in this workspace, or unknown to it",
	authz.EmailMissing:      "no e-mail address in Slack",
	authz.EmailUnconfirmed:  "Slack does not show the e-mail address as confirmed",
	authz.NoAccount:         "no Entra account for the e-mail address in Slack",
	authz.SeveralAccounts:   "several Entra accounts for the e-mail address in Slack",
	authz.NotMapped:         "not in the policy's identity.map",
	authz.EmailDomain:       "an e-mail domain that the policy does not allow",
	authz.AccountOfSomebody: "the Entra account belongs to another Slack user by the policy's map",
	authz.AccountBlocked:    "the Entra account may not sign in",
}

// Unmapped says what to do about people whose Slack account does not lead to one Entra
// account; empty if there are none.
func Unmapped(unable []bot.Unable) string {
	is := func(reasons ...authz.Reason) bool {
		return slices.ContainsFunc(unable, func(u bot.Unable) bool { return slices.Contains(reasons, u.Reason) })
	}
	var how string
	if is(authz.EmailUnconfirmed) {
		how = "Where people sign in by SSO, Slack may show no address as confirmed. "
	}
	if how == "" && !is(authz.EmailMissing, authz.NoAccount, authz.SeveralAccounts, authz.NotMapped, authz.EmailDomain,
		authz.AccountOfSomebody) {
		return ""
	}
	return how + "Name the Entra accounts of such people in the policy file, under identity.map."
}

// Shortfalls names the kinds of request that this many approvers cannot decide, even if
// one of them is the requester or the target.
func Shortfalls(p *authz.Policy, able int) []string {
	var all []string
	look := func(what string, need, barred int) {
		if able-barred >= need {
			return
		}
		of := countApprovals(need)
		if barred > 0 {
			of += ", and they may not give one"
		}
		all = append(all, what+" needs "+of)
	}
	self, third := p.Self, p.ThirdParty
	look("a report of one's own device", self.Approvals, 0)
	look("a request about somebody else", third.Approvals, 0)
	look("a request about one of the approvers", third.Approvals, 1)
	if !self.RequesterMayApprove {
		look("an approver's report of their own device", self.Approvals, 1)
	}
	if !third.RequesterMayApprove {
		look("a request that an approver makes", third.Approvals, 1)
	}
	for i, x := range p.Protected {
		if !x.Block {
			look(fmt.Sprintf("a target of rule %d under protected", i+1), x.Approvals, 0)
		}
	}
	return all
}
