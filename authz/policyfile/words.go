package policyfile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"revoke-sessions/authz"
)

// inWords writes a duration out: "8 hours", "1 hour 30 minutes", "90 days".
func inWords(d time.Duration) string {
	if d >= 2*day && d%day == 0 {
		return count(int(d/day), "day")
	}
	var parts []string
	for _, unit := range []struct {
		name string
		long time.Duration
	}{{"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}} {
		if n := d / unit.long; n > 0 {
			parts = append(parts, count(int(n), unit.name))
			d -= n * unit.long
		}
	}
	if d != 0 || parts == nil {
		parts = append(parts, d.String())
	}
	return strings.Join(parts, " ")
}

// within follows a number of times: "an hour", "a day", "15 minutes".
func within(d time.Duration) string {
	switch d {
	case time.Minute:
		return "a minute"
	case time.Hour:
		return "an hour"
	case day:
		return "a day"
	}
	return inWords(d)
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}

func approvals(n int) string { return count(n, "approval") }

// only says how few people do something.
func only(n int) string {
	switch n {
	case 0:
		return "nobody"
	case 1:
		return "only 1 person"
	}
	return "only " + strconv.Itoa(n) + " people"
}

// oneOf lists whom a circle names, for a sentence about any of them.
func oneOf(c authz.Circle) string { return list(c, "a member of", "or") }

// allOf lists them for a sentence about everybody.
func allOf(c authz.Circle) string { return list(c, "everyone in", "and") }

func list(c authz.Circle, of, word string) string {
	users, slack, entra := sorted(c)
	var parts []string
	for _, x := range []struct {
		kind string
		ids  []string
	}{
		{"Slack user", users},
		{of + " Slack user group", slack},
		{of + " Entra group", entra},
	} {
		if len(x.ids) > 0 {
			parts = append(parts, x.kind+" "+joined(x.ids, word))
		}
	}
	return joined(parts, word)
}

// sorted takes a circle apart by kind; Entra groups become their object IDs.
func sorted(c authz.Circle) (users, slack, entra []string) {
	for _, id := range c {
		switch group, isEntra := strings.CutPrefix(id, authz.EntraGroup); {
		case isEntra:
			entra = append(entra, group)
		case slackGroup.MatchString(id):
			slack = append(slack, id)
		default:
			users = append(users, id)
		}
	}
	return users, slack, entra
}

func or(items []string) string { return joined(items, "or") }

func joined(items []string, word string) string {
	if last := len(items) - 1; last > 0 {
		return strings.Join(items[:last], ", ") + " " + word + " " + items[last]
	}
	return strings.Join(items, "")
}

// whose lists whom a protection matches.
func whose(x authz.Protection) string {
	var parts []string
	isSlack := func(id string) bool { return slackUser.MatchString(id) }
	if users := slices.DeleteFunc(slices.Clone(x.Users), func(id string) bool { return !isSlack(id) }); len(users) > 0 {
		parts = append(parts, "Slack user "+or(users))
	}
	if accounts := slices.DeleteFunc(slices.Clone(x.Users), isSlack); len(accounts) > 0 {
		parts = append(parts, "Entra account "+or(accounts))
	}
	if len(x.Groups) > 0 {
		parts = append(parts, oneOf(x.Groups))
	}
	if x.Privileged {
		parts = append(parts, "an account that holds a privileged role now, or for which that is unknown")
	}
	return strings.Join(parts, "; ")
}

// who is the circle of people who may ask.
func who(c authz.Circle, approvers authz.Circle) string {
	switch {
	case c == nil:
		return "Anyone"
	case slices.Equal(c, approvers):
		return "Any approver"
	}
	return "Only " + oneOf(c)
}

// capital begins a sentence.
func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// written is text as it was typed, unless that could garble a terminal.
func written(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return r == '`' || !strconv.IsPrint(r) }) {
		return "`" + text + "`"
	}
	return strconv.Quote(text)
}

// times is a limit at the end of a sentence.
func times(n int, thing string, l time.Duration) string {
	return fmt.Sprintf("%s in %s", count(n, thing), within(l))
}
