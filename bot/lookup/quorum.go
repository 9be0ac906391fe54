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

// Quorum says whether the approvers could decide a request.
type Quorum struct {
	// Able counts the different people who could decide now.
	Able int
	// Whole is false if an approver may be missing from the count. Trouble is then
	// the error of Slack or Entra, and Remedy how to mend the bot's set-up. Without
	// Trouble there are too many approvers: Looked of at least Named were looked up.
	Whole   bool
	Trouble error
	Remedy  string
	Named   int
	Looked  int
	// Unable are the named people who could not decide.
	Unable []bot.Unable
}

// OneReplica is the count of replicas for a program that runs alone.
func OneReplica() int { return 1 }

// FindQuorum looks the approvers up and counts them by the rules of their clicks,
// as the bot does when it starts. It stores nothing. Call Connect or Installation
// before it.
func FindQuorum(ctx context.Context, s *slackapi.Client, entra bot.Entra, policy authz.Policy, now func() time.Time) Quorum {
	check := func(action authz.Action, actor authz.Actor, matter authz.Matter) authz.Decision {
		return authz.Check(authz.Question{Action: action, Actor: actor, Matter: matter, Policy: policy})
	}
	all := &Rosters{People: NewPeople(s, entra, &policy, now, NewBudget(now, OneReplica, true)), Names: policy.Approvers, Now: now}
	known := all.Refresh(ctx)
	q := Quorum{Able: known.Count(check), Whole: known.Whole(), Trouble: known.Trouble, Named: known.Size, Looked: known.Looked}
	_, remedies := UnableTo(known.Troubles)
	q.Remedy = strings.Join(remedies, " ")
	_, q.Unable = known.Acting(check)
	return q
}

// UnableTo collects what the bot cannot read until somebody mends its set-up, and
// how to mend it. If the bot cannot sign in, only that is returned.
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

// Unreadable returns why groups cannot be read, including groups that name no
// approvers.
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
