package policyfile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"revoke-sessions/authz"
)

// The shapes of IDs. Slack does not say how long its IDs are, only that they
// are opaque, in capitals and digits, and begin with a letter for their kind.
var (
	slackUser  = regexp.MustCompile(`^[UW][A-Z0-9]{2,30}$`)
	slackGroup = regexp.MustCompile(`^S[A-Z0-9]{2,30}$`)
	objectID   = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	mailDomain = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$`)
)

// kind is what an entry of a list may be; kinds add up.
type kind int

const (
	slackUsers kind = 1 << iota
	slackGroups
	entraGroups
	entraUsers // object IDs of accounts

	approverKinds = slackUsers | slackGroups | entraGroups
)

// like is an example of a list of the kind.
func (k kind) like() string {
	var parts []string
	for _, x := range []struct {
		kind kind
		like string
	}{
		{slackUsers, "U0123456789"},
		{slackGroups, "S0123456789"},
		{entraGroups, `"entra:01234567-89ab-cdef-0123-456789abcdef"`},
		{entraUsers, "01234567-89ab-cdef-0123-456789abcdef"},
	} {
		if k&x.kind != 0 {
			parts = append(parts, x.like)
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// wants says which IDs belong there.
func (k kind) wants() string {
	var parts []string
	for _, x := range []struct {
		kind  kind
		wants string
	}{
		{slackUsers, "Slack user ID (U… or W…: the person's profile in Slack, menu, Copy member ID)"},
		{slackGroups, "Slack user group ID (S…: the group's menu in Slack, Copy group ID)"},
		{entraGroups, "Entra group (entra: and its object ID)"},
		{entraUsers, "Entra object ID (the account's overview in the Entra admin center)"},
	} {
		if k&x.kind != 0 {
			parts = append(parts, x.wants)
		}
	}
	return or(parts)
}

// parse answers the ID as package authz compares it, or what is wrong with it.
func (k kind) parse(text string) (id, wrong string) {
	lower := strings.ToLower(text)
	group, isEntra := strings.CutPrefix(lower, authz.EntraGroup)
	switch {
	case k&slackUsers != 0 && slackUser.MatchString(text),
		k&slackGroups != 0 && slackGroup.MatchString(text):
		return text, ""
	case k&entraGroups != 0 && isEntra && objectID.MatchString(group),
		k&entraUsers != 0 && objectID.MatchString(lower):
		return lower, ""
	case k&entraUsers != 0 && strings.Contains(text, "@"):
		return "", fmt.Sprintf("%s is a name. Use the object ID: names change, and the protection would then end", quote(text))
	case k&entraGroups == 0 && isEntra:
		return "", fmt.Sprintf("%s is an Entra group, which is not allowed here. Use a %s", quote(text), k.wants())
	case k&entraGroups != 0 && objectID.MatchString(lower):
		return "", fmt.Sprintf(`%s could be a person or a group. For a group write "entra:%s"; for a person the Slack user ID`, quote(text), lower)
	}
	return "", fmt.Sprintf("%s is not a %s", quote(text), k.wants())
}

// names reads a list of IDs, each once.
func (v value) names(kinds kind) []string {
	var ids []string
	for _, item := range v.list(kinds.like()) {
		text, ok := item.text()
		if !ok {
			item.wrong("must hold IDs like %s, not %s", kinds.like(), item.shown())
			continue
		}
		id, wrong := kinds.parse(text)
		switch {
		case wrong != "":
			item.tree.add(item.path, item.at, "%s: %s", name(item.path), wrong)
		case slices.Contains(ids, id):
			item.wrong("names %s twice. Keep one", quote(id))
		default:
			ids = append(ids, id)
		}
	}
	return ids
}
