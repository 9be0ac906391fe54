package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// database tries the database out and leaves it as it is.
func (e *examination) database(ctx context.Context) verdict {
	return ofDatabase(store.TryOut(ctx, e.Database))
}

// doubts are what is not well about a database with which the bot would work.
func doubts(p store.Probe) []store.Exposure {
	var all []store.Exposure
	if len(p.Stalled) > 0 {
		all = append(all, store.Exposure{
			Says:   "the bot cannot finish " + strings.Join(p.Stalled, ", "),
			Remedy: "Revoke by hand for the people who wait. The bot's log has the cause under the request's ID. See RevokeSessionsStalled in deploy/RUNBOOK.md.",
		})
	}
	all = append(all, p.Exposed...)
	if p.Unverified {
		all = append(all, store.Exposure{
			Says:   "nothing proves that it is the right server: somebody between the bot and the server could read names and reasons, and approve by changing a row",
			Remedy: "Add sslmode=verify-full to REVOKE_DATABASE_URL. If your own authority issued the certificate, name the authority's file in PGSSLROOTCERT.",
		})
	}
	return all
}

// ofDatabase judges what a look at a database found.
func ofDatabase(p store.Probe, err error) verdict {
	unsure := doubts(p)
	says, remedy := store.Together(unsure)
	switch {
	case err != nil && p.Path == "":
		return verdict{broken, err.Error(), "Correct REVOKE_DATABASE_URL"}
	case err != nil && p.Server:
		return verdict{broken, fmt.Sprintf("The bot cannot write to the database %s: %v", p.Path, err),
			"Check that PostgreSQL runs there, takes writes and can be reached from this machine, that user, password (or PGPASSWORD) and database in REVOKE_DATABASE_URL are right, and that the user may create tables in the database"}
	case err != nil:
		return verdict{broken, fmt.Sprintf("The bot cannot write to the database %s: %v", p.Path, err),
			"Check that the folder is there, that the user who runs the bot owns it and the database in it, that the disk is not full, and that no other program holds the database"}
	case len(p.Unsafe) > 0:
		says, remedy = store.Together(p.Unsafe)
		return verdict{broken, fmt.Sprintf("The bot does not start with the database %s, because others can change it: %s", p.Path, says),
			"Run this in the database, as a superuser or the owner of the schema: " + remedy}
	case len(unsure) > 0 && (p.Missing || p.Schema == p.Wanted):
		return verdict{doubtful, fmt.Sprintf("The database %s can be written to, but %s", p.Path, says), remedy}
	case p.Missing && p.Server:
		return fine("The database %s is empty. The bot makes its tables there when it starts", p.Path)
	case p.Missing:
		return fine("There is no database at %s yet. The bot makes it when it starts", p.Path)
	case p.Schema > p.Wanted:
		return verdict{broken, fmt.Sprintf("The database %s has schema %d, and this version knows %d", p.Path, p.Schema, p.Wanted),
			"Use the newer revoke-sessions that made it"}
	case p.Schema < p.Wanted:
		return verdict{doubtful, fmt.Sprintf("The database %s has schema %d, and this version works with %d", p.Path, p.Schema, p.Wanted),
			"Back up the database, then start this version of the bot once. That brings the database up to date. An older bot cannot use it after that"}
	}
	return fine("The database %s can be written to, and its schema fits this version (%d)", p.Path, p.Schema)
}

// skew is how far somebody's clock is ahead of ours.
type skew struct {
	whose string
	ahead time.Duration
}

// From skewDoubtful on, times that the bot shows are wrong enough to mislead.
const skewDoubtful = time.Minute

// compare notes how far a clock is ahead that was read between before and now.
func (e *examination) compare(whose string, at, before time.Time) {
	if at.IsZero() {
		return
	}
	middle := before.Add(e.now().Sub(before) / 2)
	e.skews = append(e.skews, skew{whose, at.Sub(middle).Round(time.Second)})
}

// clock judges the clocks that were read on the way.
func (e *examination) clock(context.Context) verdict {
	if len(e.skews) == 0 {
		return without("this machine's clock", "neither Slack nor Microsoft answered with a time")
	}
	var all, read []string
	v := verdict{result: well}
	for _, s := range e.skews {
		read = append(read, s.whose)
		off := s.ahead.Abs()
		if off <= skewDoubtful {
			continue
		}
		all = append(all, fmt.Sprintf("%s is %.0f seconds %s this machine's", s.whose, off.Seconds(), either(s.ahead > 0, "ahead of", "behind")))
		if v.result != broken {
			v.result = doubtful
		}
		if off > bot.StampSkew {
			v.result = broken
		}
	}
	if len(all) == 0 {
		return fine("This machine's clock agrees with %s to the minute", strings.Join(read, " and "))
	}
	v.says = "The clocks differ: " + strings.Join(all, ", and ")
	v.remedy = "Set this machine's clock by NTP. If it is wrong by more than 5 minutes, Entra may refuse the sign-in, and the bot may mistake its own revoke for somebody else's"
	return v
}
