package store_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
	"revoke-sessions/graph"
)

// pending is a request as the bot creates it: for one target, by one person.
func pending(id, targetID string) bot.Request {
	return bot.Request{
		ID: id, State: bot.Pending, Lane: authz.ThirdParty, Operation: graph.InvalidateAllRefreshTokens,
		Askers:    []authz.Asker{{SlackID: "U-BOB", EntraID: "entra-bob"}},
		Target:    graph.User{ID: targetID},
		CreatedAt: noon, ExpiresAt: noon.Add(8 * time.Hour), DueAt: noon.Add(8 * time.Hour),
		Words: bot.Words{Reason: "stolen laptop", DisplayName: "Carol Target", UPN: "carol@contoso.example"},
	}
}

// requested is the audit row of a creation.
func requested(r bot.Request) bot.Entry {
	return bot.Entry{Action: "requested", Request: r.ID, Actor: r.Askers[0].SlackID, TargetID: r.Target.ID}
}

// create commits a new request with its audit row.
func create(t testing.TB, s *store.Store, r bot.Request) bot.Request {
	t.Helper()
	return commit(t, s, bot.Change{Request: r, Audit: []bot.Entry{requested(r)}})
}

func commit(t testing.TB, s *store.Store, c bot.Change) bot.Request {
	t.Helper()
	r, err := s.Commit(deadline(t), c)
	if err != nil {
		t.Fatalf("commit %s: %v", c.Request.ID, err)
	}
	return r
}

// turn commits a request's next state with its audit row.
func turn(t testing.TB, s *store.Store, r bot.Request, to bot.State) bot.Request {
	t.Helper()
	r.State = to
	return commit(t, s, bot.Change{Request: r, Audit: []bot.Entry{{Action: string(to), Request: r.ID, Actor: "U-ALICE"}}})
}

// stored reads a request.
func stored(t testing.TB, s *store.Store, id string) bot.Request {
	t.Helper()
	r, err := s.Request(deadline(t), id)
	if err != nil {
		t.Fatalf("read %s: %v", id, err)
	}
	return r
}

// chain reads the audit rows of a request, or all for "", and checks that the chain
// fits.
func chain(t testing.TB, s *store.Store, id string) []bot.Entry {
	t.Helper()
	entries, err := s.Audit(deadline(t), id)
	if err != nil {
		t.Fatalf("audit: %v", err)
	}
	return entries
}

// arrival is a command with its own envelope and key.
func arrival(n int) bot.Arrival {
	return bot.Arrival{
		Kind: bot.CommandArrival, Envelope: fmt.Sprintf("envelope-%d", n), Key: fmt.Sprintf("act-%d", n),
		AppID: "A1", TeamID: "T1", UserID: "U-BOB", ChannelID: "C1", Text: "me lost my phone",
		TriggerID: "trigger-secret", ResponseURL: "https://hooks.example/secret",
	}
}

func receive(t testing.TB, s *store.Store, a bot.Arrival) bot.Arrival {
	t.Helper()
	got, fresh, err := s.Receive(deadline(t), a)
	if err != nil || !fresh {
		t.Fatalf("receive %s: fresh %v, %v", a.Envelope, fresh, err)
	}
	return got
}

func due(t testing.TB, s *store.Store) bot.Work {
	t.Helper()
	w, err := s.Due(deadline(t), 100)
	if err != nil {
		t.Fatalf("due: %v", err)
	}
	return w
}

// wantDue checks that exactly these arrivals and requests are due.
func wantDue(t testing.TB, s *store.Store, when string, arrivals, requests int) {
	t.Helper()
	if w := due(t, s); len(w.Arrivals) != arrivals || len(w.Drive) != requests {
		t.Errorf("%s: %d arrivals and %d requests due, want %d and %d", when, len(w.Arrivals), len(w.Drive), arrivals, requests)
	}
}

// filler sets everything under a value to something nonzero, so that a field added later
// is tested, too.
type filler struct {
	n      int // makes each value another
	within map[reflect.Type]int
}

func (f *filler) fill(v reflect.Value) {
	f.n++
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(noon.Add(time.Duration(f.n) * time.Hour)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("<é \"%d\"\u2028>", f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(f.n) + 1<<40)
	case reflect.Struct:
		f.within[v.Type()]++
		for i := range v.NumField() {
			f.fill(v.Field(i))
		}
		f.within[v.Type()]--
	case reflect.Slice:
		if f.within[v.Type().Elem()] > 1 {
			return // in itself, once, is enough
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			f.fill(v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			f.fill(key)
			f.fill(value)
			v.SetMapIndex(key, value)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	default:
		panic("filler knows no " + v.Type().String())
	}
}

// filled is a T with no zero field.
func filled[T any]() T {
	var v T
	f := filler{within: map[reflect.Type]int{}}
	f.fill(reflect.ValueOf(&v).Elem())
	return v
}
