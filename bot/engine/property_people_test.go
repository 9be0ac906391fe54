package engine_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"revoke-sessions/authz"
	"revoke-sessions/bot/slacktest"
)

// fact is something about somebody that may change, with the times of its changes: a
// look-up from a moment ago may still be in use.
type fact struct{ since []moment }

type moment struct {
	is bool
	at time.Time
}

func (f *fact) now() bool { return len(f.since) > 0 && f.since[len(f.since)-1].is }

func (f *fact) set(is bool, at time.Time) { f.since = append(f.since, moment{is, at}) }

// ever reports whether the fact had this value at some moment since from.
func (f *fact) ever(is bool, from time.Time) bool {
	if len(f.since) == 0 {
		return !is
	}
	for i, m := range f.since {
		if m.is == is && (i == len(f.since)-1 || !f.since[i+1].at.Before(from)) {
			return true
		}
	}
	return false
}

// always reports whether the fact had this value the whole time since from.
func (f *fact) always(is bool, from time.Time) bool { return !f.ever(!is, from) }

// human is one Entra account, which is one person.
type human struct {
	id, upn, mail, proxy               string
	blocked, guest, privileged, absent fact
	in                                 map[string]*fact // Entra groups, as in a Circle
	stamp                              time.Time
	moved                              []time.Time // when a revoke took effect
	renames                            int
}

// member is one Slack account.
type member struct {
	id, email string
	// of is the person that the policy's map and the address lead to; nil for nobody.
	of *human
	// findable: the policy's map or the directory leads from the person to this
	// account, so that the bot knows it even if another account was named.
	findable               bool
	guest, deleted, inTeam fact // inTeam: in slackTeam
}

// The groups that policies name.
const (
	slackTeam  = "S0TEAM"
	entraTeam  = authz.EntraGroup + "00000000-0000-4000-8000-00000000aaaa"
	entraOther = authz.EntraGroup + "00000000-0000-4000-8000-00000000bbbb"
)

// town is everybody.
type town struct {
	humans   []*human
	members  []*member
	identity authz.Identity
}

// drawTown makes six people. Two may have a second Slack account: through the policy's
// map, which then names the first account, too, or through another of their addresses.
// Two further Slack accounts lead to nobody.
func drawTown(t *rapid.T, at time.Time) *town {
	w := &town{identity: authz.Identity{ByMap: true, ByEmail: true, Map: map[string]string{}}}
	for i := range 6 {
		h := &human{
			id: fmt.Sprintf("00000000-0000-4000-8000-%012d", i), stamp: at.Add(-30 * 24 * time.Hour), in: map[string]*fact{},
			upn: fmt.Sprintf("h%d@contoso.example", i), mail: fmt.Sprintf("mail%d@contoso.example", i), proxy: fmt.Sprintf("old%d@contoso.example", i),
		}
		for _, f := range []*fact{&h.blocked, &h.guest, &h.privileged, &h.absent} {
			f.set(false, at)
		}
		for _, name := range []string{entraTeam, entraOther} {
			h.in[name] = &fact{}
			h.in[name].set(chance(t, 3, "h%d in %s", i, name[len(name)-4:]), at)
		}
		h.privileged.set(chance(t, 5, "h%d privileged", i), at)
		h.blocked.set(chance(t, 12, "h%d blocked", i), at)
		h.guest.set(chance(t, 8, "h%d guest in Entra", i), at)
		w.humans = append(w.humans, h)
		w.members = append(w.members, &member{id: fmt.Sprintf("U0H%d", i), email: h.mail, of: h, findable: true})
	}
	if first := w.humans[0]; rapid.Bool().Draw(t, "h0 has two, mapped") {
		w.members = append(w.members, &member{id: "U0H0X", email: "elsewhere@other.example", of: first, findable: true},
			&member{id: "U0H0FAKE", email: first.proxy}) // its address belongs to a person with other accounts in the map
		w.identity.Map["U0H0"], w.identity.Map["U0H0X"] = first.id, first.id
	}
	if rapid.Bool().Draw(t, "h1 has two, by address") {
		w.members = append(w.members, &member{id: "U0H1X", email: w.humans[1].proxy, of: w.humans[1]})
	}
	w.members = append(w.members, &member{id: "U0NOBODY", email: "nobody@contoso.example"})
	for _, m := range w.members {
		m.deleted.set(false, at)
		m.guest.set(chance(t, 14, "%s is a guest", m.id), at)
		m.inTeam.set(chance(t, 2, "%s in the team", m.id), at)
	}
	return w
}

// chance is true in one of n cases; it shrinks to false.
func chance(t *rapid.T, n int, label string, args ...any) bool {
	return rapid.IntRange(0, n-1).Draw(t, fmt.Sprintf(label, args...)) == n-1
}

func (w *town) member(id string) *member {
	for _, m := range w.members {
		if m.id == id {
			return m
		}
	}
	return nil
}

func (w *town) human(id string) *human {
	for _, h := range w.humans {
		if h.id == id {
			return h
		}
	}
	return nil
}

// settle adds everybody to a Slack workspace.
func (w *town) settle(s *slacktest.Server) {
	for _, m := range w.members {
		s.AddUser(slacktest.User{ID: m.id, Name: strings.ToLower(m.id), Email: m.email, Guest: m.guest.now(), Deleted: m.deleted.now()})
	}
	s.AddUserGroup(slacktest.UserGroup{ID: slackTeam, Handle: "team", Members: w.team()})
}

func (w *town) team() []string {
	ids := []string{}
	for _, m := range w.members {
		if m.inTeam.now() {
			ids = append(ids, m.id)
		}
	}
	return ids
}

// drawCircle names one to four people or groups.
func drawCircle(t *rapid.T, w *town, label string) authz.Circle {
	names := []string{slackTeam, entraTeam, "U0H0", "U0H1", "U0H2", "U0H3", "U0H4"}
	for _, m := range w.members {
		if strings.HasSuffix(m.id, "X") {
			names = append(names, m.id)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(rapid.SliceOfN(rapid.SampledFrom(names), 1, 4).Draw(t, label))))
}

// drawPolicy makes rules. Limits are drawn apart, because uses from a time without a
// limit are not counted later.
func drawPolicy(t *rapid.T, w *town, limits authz.Limits) authz.Policy {
	p := authz.Policy{
		Approvers: drawCircle(t, w, "approvers"), Identity: w.identity, Limits: limits,
		Expiry: rapid.SampledFrom([]time.Duration{8 * time.Hour, 40 * time.Minute, 2 * time.Hour}).Draw(t, "expiry"),
		Freeze: authz.FreezeRule{Max: rapid.SampledFrom([]time.Duration{time.Hour, 10 * time.Minute}).Draw(t, "freeze.max")},
	}
	if chance(t, 3, "somebody may unfreeze alone") {
		p.Freeze.Unfreeze = drawCircle(t, w, "freeze.unfreeze")
	}
	p.Self, p.ThirdParty = drawRule(t, w, 0, "self"), drawRule(t, w, 1, "third_party")
	p.Self.Execute = rapid.Bool().Draw(t, "self executes")
	for i := range rapid.IntRange(0, 2).Draw(t, "protections") {
		p.Protected = append(p.Protected, drawProtection(t, w, i))
	}
	if rapid.Bool().Draw(t, "reminders") {
		p.Reminders = authz.Reminders{After: 10 * time.Minute, Factor: 2, Max: 2, EscalateAfter: 30 * time.Minute, EscalateTo: authz.Circle{"U0H5"}}
	}
	p.Digest = fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%+v", p)))
	return p
}

func drawRule(t *rapid.T, w *town, least int, lane string) authz.Rule {
	r := authz.Rule{
		Approvals:           rapid.SampledFrom([]int{1, 1, 2, 2, least, 3}).Draw(t, lane+" approvals"),
		RequesterMayApprove: rapid.Bool().Draw(t, lane+" requester may"),
		ReasonRequired:      chance(t, 6, "%s needs a reason", lane),
	}
	if chance(t, 3, "%s: not anyone asks", lane) {
		r.WhoMayRequest = drawCircle(t, w, lane+" who may request")
	}
	if chance(t, 3, "%s has a timeout", lane) {
		r.Timeout = 25 * time.Minute
	}
	return r
}

func drawProtection(t *rapid.T, w *town, n int) authz.Protection {
	x := authz.Protection{
		Approvals: rapid.IntRange(1, 3).Draw(t, "protected approvals"), RequesterMayApprove: rapid.Bool().Draw(t, "protected requester may"),
		Block: chance(t, 5, "protection %d blocks", n),
	}
	switch h := rapid.IntRange(0, 4).Draw(t, "who is protected"); rapid.IntRange(0, 4).Draw(t, "protected by") {
	case 0:
		x.Privileged = true
	case 1:
		x.Users = []string{w.humans[h].id}
	case 2:
		x.Users = []string{w.members[h].id}
	case 3:
		x.Groups = authz.Circle{entraOther}
	default:
		x.Groups = authz.Circle{slackTeam}
	}
	return x
}

func drawLimits(t *rapid.T) authz.Limits {
	one := func(label string) authz.Limit {
		if !chance(t, 4, "limit %s", label) {
			return authz.Limit{}
		}
		return authz.Limit{N: rapid.IntRange(1, 3).Draw(t, label+" n"), Within: rapid.SampledFrom([]time.Duration{time.Hour, 10 * time.Minute, 24 * time.Hour}).Draw(t, label+" within")}
	}
	return authz.Limits{PerRequester: one("per_requester"), PerApprover: one("per_approver"), PerTarget: one("per_target"), Total: one("total")}
}
