package lookup

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/slackapi"
)

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
	Unable []bot.Unable
}

// oneReplica counts the replicas of a program that runs by itself.
func oneReplica() int { return 1 }

// FindQuorum looks the approvers up and counts them by the rules that count for
// their clicks, as the bot does when it starts. It needs no Bot and stores
// nothing. Connect or Installation must come first.
func FindQuorum(ctx context.Context, s *slackapi.Client, entra bot.Entra, policy authz.Policy, now func() time.Time) Quorum {
	check := func(action authz.Action, actor authz.Actor, matter authz.Matter) authz.Decision {
		return authz.Check(authz.Question{Action: action, Actor: actor, Matter: matter, Policy: policy})
	}
	all := &Rosters{People: NewPeople(s, entra, &policy, now, NewBudget(now, oneReplica, true)), Names: policy.Approvers, Now: now}
	known := all.Refresh(ctx)
	q := Quorum{Able: known.Count(check), Whole: known.Whole(), Trouble: known.Trouble, Named: known.Size, Looked: known.Looked}
	_, remedies := UnableTo(known.Troubles)
	q.Remedy = strings.Join(remedies, " ")
	_, q.Unable = known.Acting(check)
	return q
}

// UnableTo gathers what the bot cannot read until its set-up is mended, and what
// to do about it. Where it cannot sign in, nothing else counts.
func UnableTo(troubles []error) (unable string, remedies []string) {
	var says []string
	for _, trouble := range troubles {
		lookup, ok := errors.AsType[*bot.LookupError](trouble)
		if !ok || lookup.Remedy == "" {
			continue
		}
		if bot.SignInRefused(lookup.Err) {
			return lookup.Unable(), []string{lookup.Remedy}
		}
		if !slices.Contains(says, lookup.Unable()) {
			says = append(says, lookup.Unable())
		}
		if !slices.Contains(remedies, lookup.Remedy) {
			remedies = append(remedies, lookup.Remedy)
		}
	}
	return strings.Join(says, " "), remedies
}

// Unreadable are the reasons why groups cannot be read: also of those that do not
// name approvers.
func (s *Rosters) Unreadable(ctx context.Context, groups authz.Circle) []error {
	_, errs := each(groups, func(name string) (struct{}, error) {
		if id, ok := strings.CutPrefix(name, authz.EntraGroup); ok {
			_, _, err := s.People.entraGroup.Get(ctx, id)
			return struct{}{}, err
		}
		_, _, err := s.People.slackGroup.Get(ctx, name)
		return struct{}{}, err
	})
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}
