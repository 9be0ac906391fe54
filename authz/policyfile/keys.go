package policyfile

import (
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"revoke-sessions/authz"
)

// How long things may be told to take.
const (
	shortest      = time.Minute // of a wait for people
	longest       = 30 * day
	longestFreeze = 24 * time.Hour
	// "Try again" works for a day after a failure and needs what was typed.
	shortestRetention = 2 * day
	longestRetention  = 36500 * day
	mostReminders     = 20
)

// What reminders are where the file says nothing, once it asks for some.
const (
	defaultFactor    = 2
	defaultReminders = 5
)

// file is a policy while it is read.
type file struct {
	tree
	p authz.Policy
	// likeApprovers are the lanes that approvers may report in; who that is
	// may be further down.
	likeApprovers []*authz.Rule
}

// keys are those of the whole policy.
func (f *file) keys() fields {
	return fields{
		"version": func(v value) {
			if _, isNumber := v.node.(*ast.IntegerNode); !isNumber || v.node.GetToken().Value != "1" {
				v.wrong("must be 1, not %s: this program knows only version 1 of the rules. Write version: 1", v.shown())
			}
		},
		"approvers": func(v value) { f.p.Approvers = v.names(approverKinds) },
		"lanes": func(v value) {
			v.block(fields{
				"self":        func(v value) { f.lane(v, authz.Self, &f.p.Self) },
				"third_party": func(v value) { f.lane(v, authz.ThirdParty, &f.p.ThirdParty) },
			})
		},
		"protected": func(v value) {
			for _, item := range v.list("[{match: {roles: privileged}, approvals: 2}]") {
				f.p.Protected = append(f.p.Protected, f.protection(item))
			}
		},
		"expiry":    waits(&f.p.Expiry),
		"reminders": f.reminders,
		"limits": func(v value) {
			limit := func(to *authz.Limit) func(value) { return set(to, value.limit) }
			v.block(fields{
				"per_requester": set(&f.p.Limits.PerRequester, value.limitOrNone), "per_approver": limit(&f.p.Limits.PerApprover),
				"per_target": limit(&f.p.Limits.PerTarget), "total": limit(&f.p.Limits.Total),
			})
		},
		"freeze": func(v value) {
			v.block(fields{
				"max":      lasts(&f.p.Freeze.Max, shortest, longestFreeze),
				"unfreeze": func(v value) { f.p.Freeze.Unfreeze = v.names(approverKinds) },
			})
		},
		"identity": f.identity,
		"notify": func(v value) {
			v.block(fields{"target": func(v value) {
				word, _ := v.choice("plain", "none")
				f.p.SilentTarget = word == "none"
			}})
		},
		"retention": lasts(&f.p.Retention, shortestRetention, longestRetention),
	}
}

// set stores what was read, if it could be.
func set[T any](to *T, read func(value) (T, bool)) func(value) {
	return func(v value) {
		if x, ok := read(v); ok {
			*to = x
		}
	}
}

func lasts(to *time.Duration, low, high time.Duration) func(value) {
	return set(to, func(v value) (time.Duration, bool) { return v.duration(low, high) })
}

func waits(to *time.Duration) func(value) { return lasts(to, shortest, longest) }

func counts(to *int, low, high int) func(value) {
	return set(to, func(v value) (int, bool) { return v.whole(low, high) })
}

func (f *file) lane(v value, lane authz.Lane, rule *authz.Rule) {
	v.block(fields{
		"approvals": func(v value) {
			n, ok := v.whole(0, authz.MaxApprovals)
			switch {
			case ok && n == 0 && lane != authz.Self:
				v.wrong("cannot be 0: anybody could then sign out anybody. Write 1 or more. Only lanes.self can have 0")
			case ok:
				rule.Approvals = n
			}
		},
		"requester_may_approve": set(&rule.RequesterMayApprove, value.boolean),
		"who_may_request":       func(v value) { f.whoMayRequest(v, rule) },
		"reason": func(v value) {
			word, _ := v.choice("required", "optional")
			rule.ReasonRequired = word == "required"
		},
		"ticket":         func(v value) { rule.Ticket = v.pattern() },
		"ticket_example": set(&rule.TicketExample, value.example),
		"timeout":        waits(&rule.Timeout),
		"on_timeout": func(v value) {
			word, _ := v.choice("expire", "execute")
			rule.Execute = word == "execute"
			if rule.Execute && lane != authz.Self {
				v.wrong("cannot be execute: a report about somebody else needs a person's decision. Write expire. Only lanes.self can have execute")
			}
		},
	})
	if rule.Ticket != nil && !rule.ReasonRequired && f.given(v.path+".reason") && f.sound(v.path+".reason") {
		path, at := f.where(v.path + ".reason")
		f.add(path, at, "%s cannot be optional beside a ticket, which must be in the reason. Write required, or remove the line", name(path))
	}
	f.ticketExample(v.path, rule)
}

// ticketExample holds a lane's example against its pattern, whichever comes first in
// the file.
func (f *file) ticketExample(lane string, rule *authz.Rule) {
	path, at := f.where(lane + ".ticket_example")
	switch {
	case !f.given(path) || !f.sound(path, lane+".ticket"):
	case rule.Ticket == nil:
		f.add(path, at, "%s is given, but %s.ticket is not, so no ticket is asked for. Add ticket with a regular expression, or remove the example", path, lane)
	case !rule.Ticket.MatchString(rule.TicketExample):
		f.add(path, at, "%s is %s, which does not match %s.ticket (%s): a person who types the example would be refused. Correct one of the two",
			path, quote(rule.TicketExample), lane, written(rule.Ticket.String()))
	}
}

func (f *file) whoMayRequest(v value, rule *authz.Rule) {
	text, isText := v.text()
	switch {
	case text == "anyone":
		rule.WhoMayRequest = nil
	case text == "approvers":
		f.likeApprovers = append(f.likeApprovers, rule)
	case isText:
		v.wrong("must be anyone, approvers or a list like %s, not %s", approverKinds.like(), v.shown())
	default:
		rule.WhoMayRequest = v.names(approverKinds)
	}
}

func (f *file) protection(v value) authz.Protection {
	x := authz.Protection{Approvals: 1, RequesterMayApprove: true}
	v.block(fields{
		"match": func(v value) {
			v.block(fields{
				"users":  func(v value) { x.Users = v.names(slackUsers | entraUsers) },
				"groups": func(v value) { x.Groups = v.names(slackGroups | entraGroups) },
				"roles": func(v value) {
					_, x.Privileged = v.choice("privileged")
				},
			})
		},
		"approvals":             counts(&x.Approvals, 1, authz.MaxApprovals),
		"requester_may_approve": set(&x.RequesterMayApprove, value.boolean),
		"block":                 set(&x.Block, value.boolean),
	})
	if !f.given(v.path+".match") && f.sound(v.path) {
		v.wrong("does not say whom to protect. Give it match: with users, groups or roles")
	}
	return x
}

func (f *file) reminders(v value) {
	r := &f.p.Reminders
	v.block(fields{
		"after":  waits(&r.After),
		"factor": set(&r.Factor, value.factor),
		"max":    counts(&r.Max, 1, mostReminders),
		"escalate": func(v value) {
			v.block(fields{
				"after": waits(&r.EscalateAfter),
				"to":    func(v value) { r.EscalateTo = v.names(slackUsers | slackGroups) },
			})
			f.need(v.path, "to", "who is to be called")
			f.need(v.path, "after", "when they are to be called")
		},
	})
	if !f.given(v.path+".escalate") || f.given(v.path+".factor") || f.given(v.path+".max") {
		f.need(v.path, "after", "when the first reminder comes")
	}
	if r.After > 0 {
		if r.Factor == 0 {
			r.Factor = defaultFactor
		}
		if r.Max == 0 {
			r.Max = defaultReminders
		}
	}
}

// need demands a key of a block that is given.
func (f *file) need(block, key, says string) {
	if !f.given(join(block, key)) && f.sound(block) {
		_, at := f.where(block)
		f.add(join(block, key), at, "%s does not say %s. Add %s, or remove %s", name(block), says, key, name(block))
	}
}

func (f *file) identity(v value) {
	id := &f.p.Identity
	v.block(fields{
		"match": func(v value) {
			ways := f.ways(v)
			id.ByMap, id.ByEmail = slices.Contains(ways, "map"), slices.Contains(ways, "email")
		},
		"map":           func(v value) { id.Map = f.accounts(v) },
		"email_domains": func(v value) { id.EmailDomains = domains(v) },
	})
	if !f.sound(v.path) {
		return
	}
	hasMap, hasDomains := f.given(v.path+".map"), f.given(v.path+".email_domains")
	switch {
	case hasMap && !id.ByMap:
		path, at := f.where(v.path + ".map")
		f.add(path, at, "%s is given but not used. Add map to identity.match, or remove the map", path)
	case !hasMap && !id.ByEmail:
		path, at := f.where(v.path + ".match")
		f.add(path, at, "%s says map, but there is no map, so the bot would know nobody. Add identity.map, or email to match", path)
	}
	if hasDomains && !id.ByEmail {
		path, at := f.where(v.path + ".email_domains")
		f.add(path, at, "%s is given but not used. Add email to identity.match, or remove the domains", path)
	}
}

// ways reads identity.match.
func (f *file) ways(v value) []string {
	var ways []string
	for _, item := range v.list("[map, email]") {
		way, ok := item.choice("map", "email")
		switch {
		case !ok:
		case slices.Contains(ways, way):
			item.wrong("names %s twice. Keep one", way)
		case way == "map" && len(ways) > 0:
			item.wrong("has map after email, but the map always comes first. Write [map, email]")
		default:
			ways = append(ways, way)
		}
	}
	return ways
}

// accounts reads identity.map, whose keys are Slack users and no key words.
func (f *file) accounts(v value) map[string]string {
	accounts := map[string]string{}
	v.pairs("U0123456789: 01234567-89ab-cdef-0123-456789abcdef", func(user string, at place, account value) {
		id, wrong := slackUsers.parse(user)
		if wrong != "" {
			f.add(v.path, at, "%s: %s", name(v.path), wrong)
			return
		}
		text, _ := account.text()
		object, wrong := entraUsers.parse(text)
		if wrong != "" {
			f.add(v.path, account.at, "%s: the account of %s is wrong: %s", name(v.path), id, wrong)
			return
		}
		accounts[id] = object
	})
	return accounts
}

func domains(v value) []string {
	var all []string
	for _, item := range v.list("[contoso.example]") {
		text, _ := item.text()
		domain := strings.ToLower(text)
		switch {
		case !mailDomain.MatchString(domain):
			item.wrong("must be domains like contoso.example, without @ or *, not %s", item.shown())
		case slices.Contains(all, domain):
			item.wrong("names %s twice. Keep one", quote(domain))
		default:
			all = append(all, domain)
		}
	}
	return all
}

// complete puts in what follows from other keys, and says which are missing.
func (f *file) complete(text []byte, fallback []string) {
	top := place{line: 1, column: 1}
	if !f.given("version") {
		f.add("version", top, "version is missing. Add the line version: 1")
	}
	switch {
	case f.given("approvers") && len(fallback) > 0:
		path, at := f.where("approvers")
		f.add(path, at, "approvers are named here and in %s. Keep one: remove them here, or unset %s", fromOutside, fromOutside)
	case f.given("approvers"):
	case len(fallback) > 0:
		f.p.Approvers = outside(&f.report, fallback)
		f.p.Digest = digest(text, []byte("\x00"+asSetting(f.p.Approvers)))
	default:
		f.add("approvers", top, "no approvers are named. Add approvers: %s, or set %s", approverKinds.like(), fromOutside)
	}
	for _, rule := range f.likeApprovers {
		rule.WhoMayRequest = slices.Clone(f.p.Approvers)
	}
}
