package bot

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"revoke-sessions/authz"
)

// memberships is which of the policy's groups hold somebody.
type memberships struct {
	of, unsure []string
	age        time.Duration
	trouble    error // why some are unsure
}

// memberships asks all of the policy's groups at once.
func (p *people) memberships(ctx context.Context, slackIDs []string, entraID string) memberships {
	var inEntra memberships
	inSlack := make([]memberships, len(p.circle))
	var asked sync.WaitGroup
	for i, name := range p.circle {
		if strings.HasPrefix(name, authz.EntraGroup) || len(slackIDs) == 0 {
			continue
		}
		asked.Go(func() {
			ids, age, err := p.slackGroup.get(ctx, name)
			inSlack[i] = memberships{age: age, trouble: err}
			switch {
			case err != nil:
				inSlack[i].unsure = []string{name}
			case slices.ContainsFunc(slackIDs, func(id string) bool { return slices.Contains(ids, id) }):
				inSlack[i].of = []string{name}
			}
		})
	}
	if groups := entraGroups(p.circle); len(groups) > 0 && entraID != "" {
		of, age, err := p.entraIn.get(ctx, entraID)
		inEntra = memberships{of: of, age: age, trouble: err}
		if err != nil {
			inEntra.unsure = groups
		}
	}
	asked.Wait()
	all := inEntra
	for _, in := range inSlack {
		// Never append: the slices are those that are remembered.
		all.of, all.unsure = slices.Concat(all.of, in.of), slices.Concat(all.unsure, in.unsure)
		all.age, all.trouble = max(all.age, in.age), cmp.Or(all.trouble, in.trouble)
	}
	return all
}

// memberOf names the policy's Entra groups that hold an account.
func (p *people) memberOf(ctx context.Context, objectID string) ([]string, error) {
	groups := entraGroups(p.circle)
	for i, name := range groups {
		groups[i] = strings.TrimPrefix(name, authz.EntraGroup)
	}
	in, err := p.groups.MemberOf(ctx, objectID, groups)
	for i, id := range in {
		in[i] = authz.EntraGroup + id
	}
	return in, err
}

func entraGroups(c authz.Circle) []string {
	return slices.DeleteFunc(slices.Clone(c), func(name string) bool { return !strings.HasPrefix(name, authz.EntraGroup) })
}
