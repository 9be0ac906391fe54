package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slackapi"
	"revoke-sessions/graph"
)

// The bot cannot work without three others: a database that takes what it
// writes, Slack and Microsoft. In a quiet night nobody calls any of them, so the
// bot asks by itself; and whatever an ordinary call learns counts, too.

// storedWithin is how old the last write may be that the database took: much
// longer than beatEvery.
const storedWithin = time.Minute

// heartbeatTry bounds one question to Slack or to Microsoft.
const heartbeatTry = 5 * time.Second

// suspectEvery bounds how often ordinary calls have it asked again.
const suspectEvery = 5 * time.Second

// Nobody is the address of no account, to ask Microsoft for: the answer needs a
// token and leave to read accounts, and names nobody.
const Nobody = "nobody@revoke-sessions.invalid"

// vital is what this process has heard of one of the three.
type vital struct {
	mu      sync.Mutex
	worked  time.Time
	refused string    // the code of a no that trying again does not mend; empty without one
	asked   time.Time // when it was last asked on purpose; zero: at once
	asking  bool
	down    bool // as the log was last told
}

// works notes that it has done what was asked.
func (v *vital) works(now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.worked, v.refused = now, ""
}

// refuses notes a no that is about the bot itself.
func (v *vital) refuses(code string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refused = code
}

// suspect has it asked at once: an ordinary call got a no that may be about the
// bot itself.
func (v *vital) suspect(now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.refused == "" && !v.asking && bot.Elapsed(v.asked, now, suspectEvery) {
		v.asked = time.Time{}
	}
}

// due reports whether it is time to ask, and if so begins. Where the last
// question brought no yes, the next one comes sooner.
func (v *vital) due(now time.Time, every time.Duration) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.refused != "" || v.worked.Before(v.asked) {
		every /= 4
	}
	if v.asking || !v.asked.IsZero() && !bot.Elapsed(v.asked, now, every) {
		return false
	}
	v.asking, v.asked = true, now
	return true
}

func (v *vital) answered() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asking = false
}

// seen is what is known now. An answer older than within is none.
func (v *vital) seen(now time.Time, within time.Duration) (worked time.Time, refused string, up bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.worked, v.refused, v.refused == "" && !v.worked.IsZero() && !bot.Elapsed(v.worked, now, within)
}

// turned reports whether it is down now and was not, or the other way round,
// since it was last asked that.
func (v *vital) turned(down bool) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.worked.IsZero() && v.refused == "" && (v.asking || v.asked.IsZero()) {
		return false // nothing is known yet
	}
	turned := down != v.down
	v.down = down
	return turned
}

// health is what this process has heard of those without whom it cannot work.
type health struct{ database, slack, entra vital }

// Vitals are the database, and, where they are asked regularly, Slack and
// Microsoft.
func (b *Bot) Vitals() []bot.Vital { return b.vitals(b.now()) }

func (b *Bot) vitals(now time.Time) []bot.Vital {
	every := b.cfg.Timing.Heartbeat
	look := func(name string, v *vital, within time.Duration, says func(refused string) string) bot.Vital {
		worked, refused, up := v.seen(now, within)
		out := bot.Vital{Name: name, Up: up, Worked: worked}
		if !up {
			out.Says = says(refused) + lastWorked(worked)
		}
		return out
	}
	all := []bot.Vital{look(bot.DatabaseVital, &b.health.database, storedWithin, func(string) string {
		return "the database takes nothing that is written: nothing can be stored or decided"
	})}
	if every <= 0 {
		return all
	}
	return append(all,
		look(bot.SlackVital, &b.health.slack, every*5/2, func(refused string) string {
			if refused != "" {
				return fmt.Sprintf("Slack refuses the bot (%s): nobody can be looked up and nobody reads of anything", refused)
			}
			return "Slack does not answer the bot: nobody can be looked up and nobody reads of anything"
		}),
		look(bot.EntraVital, &b.health.entra, every*5, func(refused string) string {
			if refused != "" {
				return fmt.Sprintf("Microsoft refuses the bot (%s): no account can be looked up and nothing can be revoked", refused)
			}
			return "Microsoft does not answer the bot: no account can be looked up and nothing can be revoked"
		}))
}

func lastWorked(at time.Time) string {
	if at.IsZero() {
		return "; it has not worked since the bot started"
	}
	return "; it last worked at " + at.UTC().Format("2006-01-02 15:04:05 UTC")
}

// heartbeats asks Slack and Microsoft where that is due, and tells the log of
// whatever has stopped to work, or works again. It never waits for an answer.
func (b *Bot) heartbeats(now time.Time) {
	every := b.cfg.Timing.Heartbeat
	if every > 0 && b.health.slack.due(now, every) {
		b.heartbeat(&b.health.slack, func(ctx context.Context) {
			_, _, err := b.slack.AuthTest(ctx)
			if e, ok := errors.AsType[*slackapi.Error](err); ok && !e.NoAnswer() {
				b.health.slack.refuses(bot.Clean(cmp.Or(e.Code, fmt.Sprintf("status %d", e.Status)), 60))
			}
		})
	}
	if every > 0 && b.health.entra.due(now, 2*every) {
		b.heartbeat(&b.health.entra, func(ctx context.Context) {
			_, err := b.directory.Find(ctx, graph.ByUPN, Nobody)
			b.hearEntra(err)
		})
	}
	for _, v := range b.vitals(now) {
		switch turned := b.health.named(v.Name).turned(!v.Up); {
		case turned && v.Up:
			b.log.Info("works again", "dependency", v.Name)
		case turned:
			b.log.Error("the bot cannot do its work until this is mended", "dependency", v.Name, "problem", v.Says)
		}
	}
}

func (h *health) named(name string) *vital {
	return map[string]*vital{bot.DatabaseVital: &h.database, bot.SlackVital: &h.slack, bot.EntraVital: &h.entra}[name]
}

// heartbeat asks beside all other work, so that a bot with its hands full is not
// taken for one that nobody answers.
func (b *Bot) heartbeat(v *vital, ask func(context.Context)) {
	if !b.pool.Beside(func(ctx context.Context) {
		defer v.answered()
		ctx, cancel := context.WithTimeout(lookup.NobodyWaits(ctx), heartbeatTry)
		defer cancel()
		ask(ctx)
	}) {
		v.answered()
	}
}

// hearSlack learns from every call. What an ordinary call is refused with may be
// about a person or a message, and is then no news of the bot.
func (b *Bot) hearSlack(method string, err error) {
	switch e, ok := errors.AsType[*slackapi.Error](err); {
	case method == "response_url": // takes no token
	case err == nil:
		b.health.slack.works(b.now())
	case ok && method != "auth.test" && slackapi.OfTheBot(e.Code):
		b.health.slack.suspect(b.now())
	}
}

// hearEntra learns from a read that needs no more than the bot's sign-in and its
// leave to read accounts; err is what came of it.
func (b *Bot) hearEntra(err error) {
	e := graph.AsError(err)
	switch {
	case err == nil:
		b.health.entra.works(b.now())
	case e != nil && lookup.RefusalRemedy(err) != "":
		b.health.entra.refuses(bot.Clean(cmp.Or(e.Code, fmt.Sprintf("status %d", e.Status)), 60))
	}
}

// hearCall learns from an ordinary call. A no to one of them is about what was
// asked, unless the bot could not even sign in.
func (b *Bot) hearCall(err error) {
	switch e := graph.AsError(err); {
	case err == nil:
		b.health.entra.works(b.now())
	case e != nil && message.NoToken(e.Code):
		b.health.entra.suspect(b.now())
	}
}

// heardEntra learns from every call that is made to Microsoft.
type heardEntra struct {
	bot.Entra
	hear func(error)
}

func heard[T any](hear func(error), answer T, err error) (T, error) {
	hear(err)
	return answer, err
}

func (h heardEntra) User(ctx context.Context, objectID string) (graph.User, error) {
	u, err := h.Entra.User(ctx, objectID)
	return heard(h.hear, u, err)
}

func (h heardEntra) Find(ctx context.Context, by graph.Key, address string) ([]graph.User, error) {
	all, err := h.Entra.Find(ctx, by, address)
	return heard(h.hear, all, err)
}

func (h heardEntra) Revoke(ctx context.Context, objectID string) (graph.Revocation, error) {
	yes, err := h.Entra.Revoke(ctx, objectID)
	return heard(h.hear, yes, err)
}

func (h heardEntra) MemberOf(ctx context.Context, objectID string, groupIDs []string) ([]string, error) {
	groups, err := h.Entra.MemberOf(ctx, objectID, groupIDs)
	return heard(h.hear, groups, err)
}

func (h heardEntra) Members(ctx context.Context, groupID string) (graph.Group, error) {
	g, err := h.Entra.Members(ctx, groupID)
	return heard(h.hear, g, err)
}
