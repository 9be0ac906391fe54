package slacktest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// reader is how somebody's client shows a message.
type reader struct {
	name func(id string) string // of a person, user group or channel
	date func(unix int64, format, fallback string) string
}

// unnamed knows no names and no time zone.
var unnamed = reader{
	name: func(id string) string { return id },
	date: func(_ int64, _, fallback string) string { return fallback },
}

// readerIn knows the workspace's names, and a time zone.
func (s *Server) readerIn(zone *time.Location) reader {
	names := map[string]string{}
	s.mu.Lock()
	for id, u := range s.users {
		names[id] = u.RealName
	}
	for id, g := range s.groups {
		names[id] = g.Handle
	}
	for id, c := range s.channels {
		names[id] = c.Name
	}
	s.mu.Unlock()
	now := s.cfg.Now().In(zone)
	return reader{
		name: func(id string) string {
			if name := names[id]; name != "" {
				return name
			}
			return id
		},
		date: func(unix int64, format, _ string) string { return dated(time.Unix(unix, 0).In(zone), now, format) },
	}
}

func (r reader) read(m Message) string {
	var lines []string
	if m.Text != "" {
		lines = append(lines, r.readable(m.Text))
	}
	for _, piece := range r.pieces(m) {
		switch {
		case piece.button:
			lines = append(lines, "["+piece.text+"]")
		case piece.kind == "mrkdwn":
			lines = append(lines, r.readable(piece.text))
		default:
			lines = append(lines, piece.text)
		}
	}
	return strings.Join(lines, "\n")
}

// readable shows mrkdwn as the reader sees it.
func (r reader) readable(text string) string {
	text = special.ReplaceAllStringFunc(text, func(form string) string {
		inside, label, labelled := strings.Cut(form[1:len(form)-1], "|")
		switch {
		case strings.HasPrefix(inside, "!date^"):
			if parts := strings.SplitN(inside, "^", 4); len(parts) > 2 {
				if at, err := strconv.ParseInt(parts[1], 10, 64); err == nil {
					return r.date(at, parts[2], label)
				}
			}
			return label
		case strings.HasPrefix(inside, "!subteam^"):
			id := strings.TrimPrefix(inside, "!subteam^")
			if name := r.name(id); name != id || !labelled {
				return "@" + name
			}
			return label // which has its own @
		case inside == "":
			return label
		case inside[0] == '@', inside[0] == '!', inside[0] == '#':
			mark := "@"
			if inside[0] == '#' {
				mark = "#"
			}
			id := inside[1:]
			name := r.name(id)
			if name == id && labelled && label != "" {
				name = label
			}
			return mark + name
		case labelled:
			return label
		}
		return inside
	})
	return unescape.Replace(text)
}

// dateForm is one of the tokens of a date.
// https://docs.slack.dev/messaging/formatting-message-text#date-formatting
var dateForm = regexp.MustCompile(`\{(\w+)\}`)

// dated is a date as Slack writes it at now. Both are in the reader's zone. The hour is
// of 24, which is a setting of each person in Slack.
func dated(t, now time.Time, format string) string {
	year := ""
	if months := t.Sub(now).Hours() / 24 / 30.4; months < -6 || months > 3 {
		year = ", 2006" // left out where it is plain
	}
	near := func(layout string) string {
		midnight := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC) }
		switch midnight(t).Sub(midnight(now)) {
		case -24 * time.Hour:
			return "yesterday"
		case 0:
			return "today"
		case 24 * time.Hour:
			return "tomorrow"
		}
		return t.Format(layout)
	}
	return dateForm.ReplaceAllStringFunc(format, func(form string) string {
		switch form {
		case "{date_num}":
			return t.Format("2006-01-02")
		case "{date_slash}":
			return t.Format("01/02/2006")
		case "{date}":
			return t.Format("January 2" + year)
		case "{date_short}":
			return t.Format("Jan 2" + year)
		case "{date_long}":
			return t.Format("Monday, January 2" + year)
		case "{date_pretty}":
			return near("January 2" + year)
		case "{date_short_pretty}":
			return near("Jan 2" + year)
		case "{date_long_pretty}":
			return near("Monday, January 2" + year)
		case "{time}":
			return t.Format("15:04")
		case "{time_secs}":
			return t.Format("15:04:05")
		case "{ago}":
			return minutesAgo(now.Sub(t))
		}
		return form
	})
}

func minutesAgo(d time.Duration) string {
	switch n := int(d.Round(time.Minute) / time.Minute); {
	case n <= 0:
		return "just now"
	case n == 1:
		return "1 minute ago"
	default:
		return fmt.Sprintf("%d minutes ago", n)
	}
}
