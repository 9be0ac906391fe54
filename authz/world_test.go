package authz

import (
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// Whoever and whatever there is in a drawn world. There are more Slack
// accounts than Entra accounts, so that people have several.
var (
	slackIDs = []string{"U1", "U2", "U3", "U4", "U5", "U6"}
	entraIDs = []string{"e1", "e2", "e3", "e4"}
	groups   = []string{"S1", "S2", EntraGroup + "g1", EntraGroup + "g2"}
)

// world is everything that package bot looks up, and that may change between
// two clicks.
type world struct {
	standing   map[string]Standing        // by Slack ID
	accounts   map[string]string          // from Slack IDs to Entra IDs
	blocked    map[string]bool            // by Entra ID
	privileged map[string]bool            // by Entra ID
	in         map[string]map[string]bool // by Slack or Entra ID, then by group
	silent     map[string]bool            // groups that cannot be asked
}

func drawWorld(t *rapid.T) *world {
	w := &world{
		standing: map[string]Standing{}, accounts: map[string]string{}, blocked: map[string]bool{},
		privileged: map[string]bool{}, in: map[string]map[string]bool{}, silent: map[string]bool{},
	}
	for i, id := range slackIDs {
		w.standing[id] = FullMember
		w.accounts[id] = entraIDs[i%len(entraIDs)]
	}
	for _, id := range slices.Concat(slackIDs, entraIDs) {
		w.in[id] = map[string]bool{}
		for _, g := range groups {
			w.in[id][g] = rapid.Bool().Draw(t, id+" in "+g)
		}
	}
	for range rapid.IntRange(0, 4).Draw(t, "changes before") {
		w.change(t)
	}
	return w
}

// change is what the world does between two clicks.
func (w *world) change(t *rapid.T) {
	slackID, entraID := rapid.SampledFrom(slackIDs).Draw(t, "Slack account"), rapid.SampledFrom(entraIDs).Draw(t, "Entra account")
	group := rapid.SampledFrom(groups).Draw(t, "group")
	switch rapid.SampledFrom([]string{"standing", "account", "blocked", "privileged", "in", "in Entra", "silent"}).Draw(t, "change") {
	case "standing":
		w.standing[slackID] = rapid.SampledFrom([]Standing{
			FullMember, FullMember, FullMember, GuestUser, BotUser, Deleted, StrangerUser, OtherWorkspace, WorkflowUser,
		}).Draw(t, "standing")
	case "account":
		w.accounts[slackID] = rapid.SampledFrom(append([]string{""}, entraIDs...)).Draw(t, "maps to")
	case "blocked":
		w.blocked[entraID] = !w.blocked[entraID]
	case "privileged":
		w.privileged[entraID] = !w.privileged[entraID]
	case "in":
		w.in[slackID][group] = !w.in[slackID][group]
	case "in Entra":
		w.in[entraID][group] = !w.in[entraID][group]
	case "silent":
		w.silent[group] = !w.silent[group]
	}
}

// holds reports whether a group holds an account, if it can be asked: Slack
// knows its own accounts only, and so does Entra.
func (w *world) holds(group, slackID, entraID string) bool {
	if strings.HasPrefix(group, EntraGroup) {
		return w.in[entraID][group]
	}
	return w.in[slackID][group]
}

func (w *world) memberships(slackID, entraID string) (of, unsure []string) {
	for _, g := range groups {
		switch {
		case w.silent[g]:
			unsure = append(unsure, g)
		case w.holds(g, slackID, entraID):
			of = append(of, g)
		}
	}
	return of, unsure
}

// actor is somebody as looked up now.
func (w *world) actor(slackID string) Actor {
	a := Actor{SlackID: slackID, Standing: w.standing[slackID], EntraID: w.accounts[slackID]}
	if a.EntraID == "" {
		a.Unmapped = SeveralAccounts
	}
	a.Blocked = w.blocked[a.EntraID]
	a.MemberOf, a.Unsure = w.memberships(slackID, a.EntraID)
	return a
}

func (w *world) target(entraID, slackID string) Target {
	t := Target{EntraID: entraID, Privileged: w.privileged[entraID]}
	if slackID != "" {
		t.SlackIDs = []string{slackID}
	}
	t.MemberOf, t.Unsure = w.memberships(slackID, entraID)
	return t
}

// What follows says once more, in the words of the rules and not of Check, who
// may do what; the properties hold Check to it.

// somebody is a full member with an account.
func (w *world) somebody(slackID string) bool {
	return w.standing[slackID] == FullMember && w.accounts[slackID] != ""
}

// named reports whether a circle surely names somebody.
func (w *world) named(slackID string, c Circle) bool {
	return slices.ContainsFunc(c, func(name string) bool {
		return name == slackID || !w.silent[name] && w.holds(name, slackID, w.accounts[slackID])
	})
}

// approver is somebody who may act as one.
func (w *world) approver(slackID string, p *Policy) bool {
	return w.somebody(slackID) && !w.blocked[w.accounts[slackID]] && w.named(slackID, p.Approvers)
}

// protects reports whether a protection may be about a target.
func (w *world) protects(x Protection, t Target) bool {
	for _, user := range x.Users {
		if user == t.EntraID || slices.Contains(t.SlackIDs, user) {
			return true
		}
	}
	for _, g := range x.Groups {
		if w.silent[g] || w.holds(g, strings.Join(t.SlackIDs, ""), t.EntraID) {
			return true
		}
	}
	return x.Privileged && w.privileged[t.EntraID]
}

func drawCircle(t *rapid.T, least int, label string) Circle {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(slices.Concat(slackIDs, groups)), least, 4, rapid.ID[string]).Draw(t, label)
}

func drawRule(t *rapid.T, lane Lane) Rule {
	counts := []int{1, 2, 2, 3}
	if lane == Self {
		counts = append(counts, 0, 0)
	}
	r := Rule{
		Approvals:           rapid.SampledFrom(counts).Draw(t, "approvals"),
		RequesterMayApprove: rapid.Bool().Draw(t, "requester may approve"),
	}
	if rapid.IntRange(0, 3).Draw(t, "who may request") == 3 {
		r.WhoMayRequest = drawCircle(t, 0, "requesters")
	}
	return r
}

func drawProtection(t *rapid.T) Protection {
	x := Protection{
		Approvals:           rapid.SampledFrom([]int{1, 2, 3}).Draw(t, "approvals"),
		RequesterMayApprove: rapid.Bool().Draw(t, "requester may approve"),
		Block:               rapid.IntRange(0, 7).Draw(t, "block") == 7,
	}
	switch rapid.SampledFrom([]string{"users", "groups", "roles"}).Draw(t, "match") {
	case "users":
		x.Users = rapid.SliceOfN(rapid.SampledFrom(slices.Concat(slackIDs, entraIDs)), 1, 2).Draw(t, "users")
	case "groups":
		x.Groups = rapid.SliceOfN(rapid.SampledFrom(groups), 1, 2).Draw(t, "groups")
	case "roles":
		x.Privileged = true
	}
	return x
}

func drawPolicy(t *rapid.T) Policy {
	return Policy{
		Approvers: drawCircle(t, 2, "approvers"), Self: drawRule(t, Self), ThirdParty: drawRule(t, ThirdParty),
		Protected: rapid.SliceOfN(rapid.Custom(drawProtection), 0, 2).Draw(t, "protected"),
		Freeze:    FreezeRule{Unfreeze: drawCircle(t, 0, "unfreeze")},
	}
}
