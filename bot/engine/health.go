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

// The bot depends on three services: a database that takes its writes, Slack and
// Microsoft. In a quiet night no work calls them, so the bot asks by itself. What
// ordinary calls learn counts, too.

// storedWithin is how old the last successful write may be. It is much longer than
// beatEvery.
const storedWithin = time.Minute

// heartbeatTry limits one question to Slack or to Microsoft.
const heartbeatTry = 5 * time.Second

// suspectEvery limits how often ordinary calls cause another question.
const suspectEvery = 5 * time.Second

// nobody is an address without an account, to ask Microsoft for. The answer needs a
// token and the permission to read accounts, and names nobody.
const nobody = "nobody@revoke-sessions.invalid"

// vital is what this process has heard of one of the three services.
type vital struct {
	mu      sync.Mutex
	worked  time.Time
	refused string    // the code of a refusal that trying again does not fix, or empty
	asked   time.Time // when it was last asked on purpose; zero: ask at once
	asking  bool
	down    bool // as last logged
}

// works notes that the service did what was asked.
func (v *vital) works(now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.worked, v.refused = now, ""
}

// refuses notes a refusal that is about the bot itself.
func (v *vital) refuses(code string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refused = code
}

// suspect makes the next question due at once, because an ordinary call got a refusal
// that may be about the bot itself.
func (v *vital) suspect(now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.refused == "" && !v.asking && bot.Elapsed(v.asked, now, suspectEvery) {
		v.asked = time.Time{}
	}
}

// due reports whether it is time to ask, and if so marks the question as begun. After a
// question without success, the next one comes sooner.
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

// seen is what is known now. It is not up if the last success is older than within.
func (v *vital) seen(now time.Time, within time.Duration) (worked time.Time, refused string, up bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.worked, v.refused, v.refused == "" && !v.worked.IsZero() && !bot.Elapsed(v.worked, now, within)
}

// turned reports whether down has changed since turned was last called.
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

// health is what this process has heard of the services that it depends on.
type health struct{ database, slack, entra vital }

// Vitals are the database and, if they are asked regularly, Slack and Microsoft.
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

// heartbeats asks Slack and Microsoft if that is due, and logs what has stopped working
// or works again. It never waits for an answer.
func (b *Bot) heartbeats(now time.Time) {
	every := b.cfg.Timing.Heartbeat
	if every > 0 && b.health.slack.due(now, every) {
		b.heartbeat(&b.health.slack, func(ctx context.Context) {
			_, _, err := b.slack.AuthTest(ctx)
			if e, ok := errors.AsType[*slackapi.Error](err); ok && !e.NoAnswer() {
				b.health.slack.refuses(codeOr(e.Code, e.Status))
			}
		})
	}
	if every > 0 && b.health.entra.due(now, 2*every) {
		b.heartbeat(&b.health.entra, func(ctx context.Context) {
			_, err := b.directory.Find(ctx, graph.ByUPN, nobody)
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

// heartbeat asks outside the worker pool, so that a busy bot is not mistaken for one
// that gets no answer.
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

// hearSlack learns from every call. The refusal of an ordinary call may be about a
// person or a message; then it says nothing about the bot.
func (b *Bot) hearSlack(method string, err error) {
	switch e, ok := errors.AsType[*slackapi.Error](err); {
	case method == "response_url": // takes no token
	case err == nil:
		b.health.slack.works(b.now())
	case ok && method != "auth.test" && slackapi.OfTheBot(e.Code):
		b.health.slack.suspect(b.now())
	}
}

// hearEntra learns from a read that needs only the bot's sign-in and its permission to
// read accounts.
func (b *Bot) hearEntra(err error) {
	e := graph.AsError(err)
	switch {
	case err == nil:
		b.health.entra.works(b.now())
	case e != nil && lookup.RefusalRemedy(err) != "":
		b.health.entra.refuses(codeOr(e.Code, e.Status))
	}
}

// hearCall learns from an ordinary call. A refusal there is about the question, unless
// the bot could not even sign in.
func (b *Bot) hearCall(err error) {
	switch e := graph.AsError(err); {
	case err == nil:
		b.health.entra.works(b.now())
	case e != nil && message.NoToken(e.Code):
		b.health.entra.suspect(b.now())
	}
}

// heardEntra learns from the calls that read an account or revoke.
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

// codeOr is the code of a refusal, or its status if it has none.
func codeOr(code string, status int) string {
	return bot.Clean(cmp.Or(code, fmt.Sprintf("status %d", status)), 60)
}
