package slacktest

import (
	"regexp"
	"strings"
)

// Mention is how a mention stands in the text of a message or, with
// should_escape, of a command: <@U1>.
func Mention(userID string) string { return "<@" + userID + ">" }

// typed finds what Slack rewrites in a typed command: mentions that a test
// wrote out with Mention, addresses, URLs, @handles and #channels. Every other
// < is escaped, so <!here> typed by a person is dead text.
var typed = regexp.MustCompile(`<@[UW][A-Z0-9]+>|<#C[A-Z0-9]+(?:\|[^<>]*)?>|<!subteam\^S[A-Z0-9]+(?:\|[^<>]*)?>|https?://[^\s<>]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|@[a-zA-Z0-9][\w.-]*|#[\w-]+|[&<>]`)

// escape rewrites a typed text as should_escape: true does. s.mu is held.
func (s *Server) escape(text string) string {
	return typed.ReplaceAllStringFunc(text, func(found string) string {
		switch {
		case found == "&":
			return "&amp;"
		case found == "<":
			return "&lt;"
		case found == ">":
			return "&gt;"
		case found[0] == '<':
			return s.written(found)
		case found[0] == '@':
			return s.handle(found)
		case found[0] == '#':
			for _, c := range s.channels {
				if c.Name == found[1:] && c.directWith == "" {
					if c.Private {
						return "<#" + c.ID + "|>" // Slack hides private names
					}
					return "<#" + c.ID + "|" + c.Name + ">"
				}
			}
			return found
		case strings.HasPrefix(found, "http"):
			return "<" + strings.ReplaceAll(found, "&", "&amp;") + ">"
		}
		if s.cfg.Escape.Mailto {
			return "<mailto:" + found + "|" + found + ">"
		}
		return found
	})
}

// written passes on a mention that was written out, with the name if asked.
func (s *Server) written(form string) string {
	id, isUser := strings.CutPrefix(strings.TrimSuffix(form, ">"), "<@")
	if u := s.users[id]; isUser && u != nil && s.cfg.Escape.Names {
		return "<@" + id + "|" + u.Name + ">"
	}
	return form
}

// handle turns @name into a mention if somebody has that name. Punctuation
// behind a name does not belong to it.
func (s *Server) handle(found string) string {
	name := found[1:]
	for {
		for _, u := range s.users {
			if u.Name != name {
				continue
			}
			return s.written(Mention(u.ID)) + found[1+len(name):]
		}
		for _, g := range s.groups {
			if g.Handle == name && !g.Disabled {
				return "<!subteam^" + g.ID + "|@" + name + ">" + found[1+len(name):]
			}
		}
		end := len(name) - 1
		if end == 0 || !strings.ContainsRune(".-_", rune(name[end])) {
			return found
		}
		name = name[:end]
	}
}
