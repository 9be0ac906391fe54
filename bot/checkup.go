package bot

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"revoke-sessions/authz"
)

// Scope is a scope of the bot token, and what it is for.
type Scope struct{ Name, For string }

// Scopes are those that the app's manifest asks for.
var Scopes = []Scope{
	{"commands", "the slash command"},
	{"chat:write", "cards, threads and direct messages"},
	{"users:read", "who clicks"},
	{"users:read.email", "which Entra account is whose"},
	{"usergroups:read", "user groups that the policy names"},
	{"channels:read", "the approvers' channel, where it is public"},
	{"groups:read", "the approvers' channel, where it is private"},
}

// ClockSkew is how far this machine's clock may be from Microsoft's; beyond it,
// the bot may take a revoke of its own for somebody else's.
const ClockSkew = clockSkew

// Installation is what Slack says of the app that the bot token belongs to.
type Installation struct {
	Workspace
	// Team and Bot are the names of the workspace and of the bot.
	Team, Bot string
	// Scopes are the token's; nil where Slack did not say.
	// https://docs.slack.dev/authentication/tokens
	Scopes []string
	// At is Slack's clock, in whole seconds; zero where Slack did not say.
	At time.Time
}

// Installation asks Slack who the bot is and where, as Connect does. With an
// error it holds what Slack said before; AppID is then empty.
func (s *Slack) Installation(ctx context.Context) (Installation, error) {
	i, botID, err := s.authTest(ctx)
	if err != nil {
		return i, err
	}
	if i.AppID, err = s.appID(ctx, botID); err != nil {
		return i, err
	}
	s.home = i.Workspace
	return i, nil
}

// authTest is all but the app's ID, which Slack tells of the bot alone.
func (s *Slack) authTest(ctx context.Context) (i Installation, botID string, err error) {
	defer s.called("auth.test", time.Now(), &err)
	me, err := s.api.AuthTestContext(ctx)
	if err != nil {
		return i, "", slackError("auth.test", err)
	}
	i = Installation{Workspace: Workspace{TeamID: me.TeamID, URL: me.URL}, Team: me.Team, Bot: me.User}
	i.At, _ = http.ParseTime(me.Header.Get("Date")) // zero when it cannot be read
	if scopes := me.Header.Get("X-OAuth-Scopes"); scopes != "" {
		i.Scopes = strings.FieldsFunc(scopes, func(r rune) bool { return r == ',' || r == ' ' })
	}
	if me.TeamID == "" || me.UserID == "" || me.BotID == "" {
		return i, "", &SlackError{Method: "auth.test", Code: incomplete}
	}
	return i, me.BotID, nil
}

func (s *Slack) appID(ctx context.Context, botID string) (id string, err error) {
	defer s.called("bots.info", time.Now(), &err)
	b, err := s.api.GetBotInfoContext(ctx, slack.GetBotInfoParameters{Bot: botID})
	if err != nil {
		return "", slackError("bots.info", err)
	}
	if b.AppID == "" {
		return "", &SlackError{Method: "bots.info", Code: incomplete}
	}
	return b.AppID, nil
}

// Quorum is whether the approvers could decide what may be asked.
type Quorum struct {
	// Able counts the different people who could decide now.
	Able int
	// Whole is false where an approver may be missing from the count. Trouble
	// says why, if that is because Slack or Entra could not be asked, and Remedy
	// what to do, if that lies in the bot's set-up. Without Trouble there are too many:
	// of Named on the list, or more, Looked were looked up.
	Whole   bool
	Trouble error
	Remedy  string
	Named   int
	Looked  int
	// Unable are those who are named and could not decide.
	Unable []Unable
}

// Unable is somebody who is named as an approver, and why they cannot be one.
type Unable struct {
	SlackID string
	Reason  authz.Reason
}

// Why says why, after the person's name.
func (u Unable) Why() string {
	if words, ok := unableWords[u.Reason]; ok {
		return words
	}
	return strings.ReplaceAll(string(u.Reason), "_", " ")
}

var unableWords = map[authz.Reason]string{
	authz.NotAMember:        "no active member of the workspace",
	authz.Guest:             "a guest in Slack",
	authz.OutsideWorkspace:  "not of this workspace, or not known in it",
	authz.EmailMissing:      "no e-mail address in Slack",
	authz.EmailUnconfirmed:  "Slack does not call the e-mail address confirmed",
	authz.NoAccount:         "no Entra account for the e-mail address in Slack",
	authz.SeveralAccounts:   "several Entra accounts for the e-mail address in Slack",
	authz.NotMapped:         "not in the policy's identity.map",
	authz.EmailDomain:       "an e-mail domain that the policy does not allow",
	authz.AccountOfSomebody: "the Entra account belongs to another Slack user by the policy's map",
	authz.AccountBlocked:    "the Entra account may not sign in",
}

// Unmapped says how to mend it where somebody's Slack account does not lead to one
// Entra account; empty where that is nobody's trouble.
func Unmapped(unable []Unable) string {
	is := func(reasons ...authz.Reason) bool {
		return slices.ContainsFunc(unable, func(u Unable) bool { return slices.Contains(reasons, u.Reason) })
	}
	var how string
	if is(authz.EmailUnconfirmed) {
		how = "Slack may call no address confirmed where people sign in to it by SSO. "
	}
	if how == "" && !is(authz.EmailMissing, authz.NoAccount, authz.SeveralAccounts, authz.NotMapped, authz.EmailDomain, authz.AccountOfSomebody) {
		return ""
	}
	return how + "Name the Entra accounts of such people in the policy file, under identity.map."
}

// oneReplica counts the replicas of a program that runs by itself.
func oneReplica() int { return 1 }

// FindQuorum looks the approvers up and counts them by the rules that count for
// their clicks, as the bot does when it starts. It needs no Bot and stores
// nothing. Connect or Installation must come first.
func FindQuorum(ctx context.Context, s *Slack, entra Entra, policy authz.Policy, now func() time.Time) Quorum {
	check := func(action authz.Action, actor authz.Actor, matter authz.Matter) authz.Decision {
		return authz.Check(authz.Question{Action: action, Actor: actor, Matter: matter, Policy: policy})
	}
	all := &rosters{people: newPeople(s, entra, &policy, now, newBudget(now, oneReplica, true)), names: policy.Approvers, now: now}
	known := all.refresh(ctx)
	q := Quorum{Able: known.count(check), Whole: known.whole(), Trouble: known.trouble, Named: known.size, Looked: known.looked}
	_, remedies := unableTo(known.troubles)
	q.Remedy = strings.Join(remedies, " ")
	_, q.Unable = known.acting(check)
	return q
}
