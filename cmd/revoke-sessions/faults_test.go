package main

import (
	"bytes"
	"cmp"
	"context"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
)

// fault is one thing that goes wrong between us and Microsoft, and what must
// come of it: on the card and in the thread, in the audit chain, at the command
// line, and at Graph.
type fault struct {
	// with arranges it. The account has been looked up by then; of the command
	// line, which gives no time for that, it hits nothing but the POST.
	with func(*faultStage)

	state   bot.State
	outcome graph.Outcome // of the last call
	status  int           // of the last call
	code    string
	posts   int
	exit    int
	// card and thread are in the last version of the card and of one message
	// in its thread; out is what standard output says. Where thread is empty,
	// nothing may stand there yet.
	card, thread, out string
}

// The sentences that several faults lead to.
const (
	saidRevoked  = "Carol Target's sessions are revoked."
	saidVerified = "Verified in Entra: sessions from before"
	saidUnknown  = "Carol Target: not known yet whether the sessions were revoked."
	saidUnmoved  = "The account does not show a change. If it cannot wait, revoke in the Entra portal or block sign-in."
	saidRefused  = "Microsoft refused. Nothing was revoked."
	saidNoSignIn = "I could not sign in to Microsoft Entra. Nothing was revoked."
	saidAway     = "I could not reach Microsoft. Nothing was revoked."
	lineRevoked  = "revoked: Carol Target's sessions are revoked. Entra accepted"
	lineSeen     = "revoked: Carol Target's sessions are revoked. Microsoft gave no clear answer, but the account shows the change."
	lineUnknown  = "unknown: It is not known whether Carol Target's sessions were revoked."
	threadOpen   = "Still open, and until when"
)

func accepted(status int) fault {
	return fault{state: bot.Verified, outcome: graph.Done, status: status, posts: 1, exit: 0,
		card: saidVerified, thread: threadOpen, out: lineRevoked}
}

// later is a success of the second call.
func later(with func(*faultStage)) fault {
	f := accepted(204)
	f.with, f.posts = with, 2
	return f
}

func refusedBy(status int, code, remedy string, with func(*faultStage)) fault {
	return fault{with: with, state: bot.Failed, outcome: graph.NotDone, status: status, code: code, posts: 1, exit: 1,
		card: saidRefused + " " + remedy, thread: saidRefused, out: "failed: " + saidRefused + " " + remedy}
}

// unclear is an answer that is no yes and no no, to both calls.
func unclear(status int, code, why string, with func(*faultStage)) fault {
	return fault{with: with, state: bot.Unknown, outcome: graph.OutcomeUnknown, status: status, code: code, posts: 2, exit: exitUnknown,
		card: saidUnknown + " " + why + " " + saidUnmoved, thread: saidUnknown, out: lineUnknown + " " + why + " " + saidUnmoved}
}

// seen is a call that was carried out although the answer did not say so.
func seen(status int, code string, with func(*faultStage)) fault {
	return fault{with: with, state: bot.Verified, outcome: graph.OutcomeUnknown, status: status, code: code, posts: 1, exit: 0,
		card: saidRevoked + " Approved by @U0ALICE. Microsoft gave no clear answer. I saw the change on the account", thread: threadOpen, out: lineSeen}
}

// away is a call that never left, tried until patience ends.
func away(code, remedy string, with func(*faultStage)) fault {
	return fault{with: with, state: bot.Failed, outcome: graph.NotDone, code: code, posts: 0, exit: 1,
		card: saidAway + " " + remedy, thread: saidAway, out: "failed: " + saidAway + " " + remedy}
}

// post has the revoke answered so, each time or as often as Times says.
func post(f graphtest.Fault) func(*faultStage) {
	f.Method, f.PathSuffix = http.MethodPost, "/invalidateAllRefreshTokens"
	return func(s *faultStage) { s.entra.Inject(f) }
}

func answering(status int, body string) func(*faultStage) {
	return post(graphtest.Fault{Status: status, Body: []byte(body)})
}

func page(status int, times int) func(*faultStage) {
	return post(graphtest.Fault{Status: status, Body: []byte("<p>Sorry</p>"), ContentType: "text/html", Times: times})
}

// newToken has Graph demand a new token, for which Entra then answers so.
func newToken(f graphtest.Fault) func(*faultStage) {
	return func(s *faultStage) {
		post(graphtest.Fault{Challenge: graphtest.Claims})(s)
		f.Entra, f.PathSuffix, f.Match = true, "/token", func(*http.Request) bool { return s.posted.Load() }
		s.entra.Inject(f)
	}
}

func TestFaults(t *testing.T) {
	soon := func() string { return time.Now().Add(1500 * time.Millisecond).UTC().Format(http.TimeFormat) }
	const (
		denied    = "The bot's app may not do this to this account"
		gaveNo    = "Microsoft gave no clear answer"
		applied   = true
		certainly = graph.NotDone
	)
	rows := map[string]fault{
		"204":          accepted(204),
		"200 true":     with(accepted(200), post(graphtest.Fault{Apply: applied, Body: []byte(`{"value":true}`)})),
		"200 false":    unclear(200, graph.CodeUnreadable, gaveNo+" (status 200).", answering(200, `{"value":false}`)),
		"200 no value": unclear(200, graph.CodeUnreadable, gaveNo+" (status 200).", answering(200, `{}`)),
		"200 empty":    unclear(200, graph.CodeUnreadable, gaveNo+" (status 200).", answering(200, ``)),
		"200 html":     unclear(200, graph.CodeUnreadable, gaveNo+" (status 200).", page(200, 0)),
		"200 html, carried out": seen(200, graph.CodeUnreadable, post(graphtest.Fault{
			Apply: applied, Body: []byte("<p>"), ContentType: "text/html"})),
		"302 elsewhere": unclear(302, "", gaveNo+" (status 302).", post(graphtest.Fault{
			Status: 302, Header: http.Header{"Location": {"/beta/me"}}})),
		"302 nowhere": unclear(302, "", gaveNo+" (status 302).", post(graphtest.Fault{Status: 302})),
		"304":         unclear(304, "", gaveNo+" (status 304).", post(graphtest.Fault{Status: 304})),

		"400":               refusedBy(400, "Request_BadRequest", "Microsoft could not make sense of the request.", post(graphtest.Fault{Status: 400})),
		"401":               refusedBy(401, "InvalidAuthenticationToken", "The bot's sign-in was not accepted.", post(graphtest.Fault{Status: 401})),
		"401 for a claim":   later(post(graphtest.Fault{Challenge: graphtest.Claims, Times: 1})),
		"403":               refusedBy(403, "Authorization_RequestDenied", denied, post(graphtest.Fault{Status: 403})),
		"404 of the user":   refusedBy(404, "Request_ResourceNotFound", "No such account in this organisation.", post(graphtest.Fault{Status: 404})),
		"404 of the action": refusedBy(404, graph.CodeOperationGone, "Microsoft no longer offers this operation.", post(graphtest.Fault{Status: 404, Code: "ResourceNotFound"})),
		"409":               later(post(graphtest.Fault{Status: 409, Times: 1})),
		"423":               later(post(graphtest.Fault{Status: 423, Times: 1})),
		"429 in seconds":    later(post(graphtest.Fault{Status: 429, RetryAfter: "1", Times: 1})),
		"429 at a date":     later(func(s *faultStage) { post(graphtest.Fault{Status: 429, RetryAfter: soon(), Times: 1})(s) }),
		"429 and no more":   later(post(graphtest.Fault{Status: 429, Times: 1})),
		"429 for an hour": {with: post(graphtest.Fault{Status: 429, RetryAfter: "3600"}), state: bot.Failed, outcome: certainly, status: 429,
			code: "TooManyRequests", posts: 1, exit: 1, card: "Microsoft asked the bot to wait 1 hour. That is too long, so I stopped. Nothing was revoked.",
			thread: "Microsoft asked the bot to wait 1 hour. That is too long, so I stopped.", out: "failed: Microsoft asked the bot to wait 1 hour. That is too long, so I stopped. Nothing was revoked."},
		"500":                  unclear(500, "InternalServerError", gaveNo+" (status 500).", post(graphtest.Fault{Status: 500})),
		"500, carried out":     seen(500, "InternalServerError", post(graphtest.Fault{Status: 500, Apply: applied})),
		"500 once":             later(post(graphtest.Fault{Status: 500, Times: 1})),
		"502 {}":               unclear(502, "", gaveNo+" (status 502).", answering(502, `{}`)),
		"502 without message":  unclear(502, "BadGateway", gaveNo+" (status 502).", answering(502, `{"error":{"code":"BadGateway"}}`)),
		"502 html":             unclear(502, "", gaveNo+" (status 502).", page(502, 0)),
		"503":                  unclear(503, "serviceNotAvailable", gaveNo+" (status 503).", post(graphtest.Fault{Status: 503})),
		"503 with a time":      later(post(graphtest.Fault{Status: 503, RetryAfter: "1", Times: 1})),
		"504":                  unclear(504, "UnknownError", gaveNo+" (status 504).", post(graphtest.Fault{Status: 504})),
		"504, carried out":     seen(504, "UnknownError", post(graphtest.Fault{Status: 504, Apply: applied})),
		"connection refused":   away(graph.CodeRefused, "", (*faultStage).refuse),
		"TLS failure":          away(graph.CodeTLS, "", (*faultStage).distrust),
		"DNS failure":          away(graph.CodeDNS, "", (*faultStage).unname),
		"reset":                unclear(0, graph.CodeConnectionLost, "The connection to Microsoft broke.", post(graphtest.Fault{Reset: true})),
		"reset, carried out":   seen(0, graph.CodeConnectionLost, post(graphtest.Fault{Reset: true, Apply: applied})),
		"reset in the body":    unclear(200, graph.CodeConnectionLost, gaveNo+" (status 200).", post(graphtest.Fault{Reset: true, Body: []byte(`{"val`)})),
		"silence":              unclear(0, graph.CodeTimeout, "Microsoft did not answer in 1 second.", post(graphtest.Fault{Hang: true})),
		"silence, carried out": seen(0, graph.CodeTimeout, post(graphtest.Fault{Hang: true, Apply: applied})),

		"token endpoint 400":    signInFails(400, "AADSTS7000222", "client secret has expired"),
		"token endpoint 401":    signInFails(401, "AADSTS7000215", "Put in the secret's value"),
		"token endpoint 503":    signInAway("AADSTS90033", saidNoSignIn, 2, newToken(graphtest.Fault{Status: 503})),
		"token endpoint silent": signInAway(graph.CodeSignInUnreachable, saidAway, 1, newToken(graphtest.Fault{Hang: true})),

		"stamp that never moves": {with: lag(time.Hour), state: bot.NotVisibleYet, outcome: graph.Done, status: 204, posts: 1, exit: 0,
			card: "Not visible in the account yet", thread: threadOpen, out: "Not verified yet: the account still shows sessions valid since"},
		"stamp that moves late": {with: lag(100 * time.Millisecond), state: bot.Verified, outcome: graph.Done, status: 204, posts: 1, exit: 0,
			card: saidVerified, thread: threadOpen, out: "Not verified yet: the account still shows sessions valid since"},
		"an old read after a lost answer": {with: func(s *faultStage) {
			lag(150 * time.Millisecond)(s)
			post(graphtest.Fault{Reset: true, Apply: applied})(s)
		}, state: bot.Verified, outcome: graph.OutcomeUnknown, code: graph.CodeConnectionLost, posts: 1, exit: 0,
			card: "Microsoft gave no clear answer. I saw the change on the account", thread: threadOpen, out: lineSeen},
		"account deleted meanwhile": {with: (*faultStage).remove, state: bot.Void, posts: 0, exit: 1,
			card: "Changed since the card was made: the account no longer exists. Nothing was revoked.", thread: "the account no longer exists",
			out: "failed: " + saidRefused + " No such account in this organisation."},
	}
	for name, f := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("in Slack", func(t *testing.T) { t.Parallel(); f.inSlack(t) })
			t.Run("on the command line", func(t *testing.T) { t.Parallel(); f.atConsole(t) })
		})
	}
}

func with(f fault, arrange func(*faultStage)) fault {
	f.with = arrange
	return f
}

// signInFails: the call was answered with a demand for a new token, which did
// nothing, and Entra gives none.
func signInFails(status int, code, remedy string) fault {
	return fault{with: newToken(graphtest.Fault{Status: status, Code: code}), state: bot.Failed, outcome: graph.NotDone, code: code, posts: 1, exit: 1,
		status: 401, card: saidNoSignIn, thread: remedy, out: "failed: " + saidNoSignIn}
}

func signInAway(code, said string, posts int, with func(*faultStage)) fault {
	return fault{with: with, state: bot.Failed, outcome: graph.NotDone, status: 401, code: code, posts: posts, exit: 1,
		card: said, thread: said, out: "failed: " + said}
}

func lag(d time.Duration) func(*faultStage) {
	return func(s *faultStage) { s.entra.SetReplicationLag(d) }
}

// faultStage is a theatre whose wires can be cut.
type faultStage struct {
	*theatre
	// instead carries the POST, if it is set.
	instead http.RoundTripper
}

func newFaultStage(t *testing.T) *faultStage {
	s := &faultStage{theatre: newTheatre(t)}
	s.at.around = func(next http.RoundTripper) http.RoundTripper { return postman{s, next} }
	// How long is waited for Microsoft: a wait of a second, or the first of ours,
	// which is two; but not the first of ours after a call that took a second.
	s.at.timing.Patience = 2500 * time.Millisecond
	s.entra.OnRequest(func(r graphtest.Request) {
		if r.Method == http.MethodPost {
			s.posted.Store(true)
		}
	})
	return s
}

// postman carries revokes another way than everything else.
type postman struct {
	stage *faultStage
	next  http.RoundTripper
}

func (p postman) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.stage.instead != nil && r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/invalidateAllRefreshTokens") {
		return p.stage.instead.RoundTrip(r)
	}
	return p.next.RoundTrip(r)
}

func (p postman) CloseIdleConnections() { p.next.(*http.Transport).CloseIdleConnections() }

// refuse leads the revoke to a port on which nobody listens.
func (s *faultStage) refuse() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	_ = listener.Close() // nobody listens there any more
	s.instead = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", listener.Addr().String())
	}}
}

// distrust has the revoke doubt Graph's certificate.
func (s *faultStage) distrust() { s.instead = &http.Transport{} }

// unname has nobody know the name of Graph's host.
func (s *faultStage) unname() {
	s.instead = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "graph.microsoft.com", IsNotFound: true}}
	}}
}

// remove deletes the account: before the click, and at the command line, which
// gives no time for that, before the POST arrives.
func (s *faultStage) remove() {
	if s.stop != nil {
		s.entra.Remove(s.entraID("carol"))
		return
	}
	t := s.at.transport().(postman).next
	s.instead = roundTrip(func(r *http.Request) (*http.Response, error) {
		s.entra.Remove(s.entraID("carol"))
		return t.RoundTrip(r)
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// inSlack has Bob report and Alice confirm.
func (f fault) inSlack(t *testing.T) {
	s := newFaultStage(t)
	s.begin()
	s.typed(bobID, "<@"+carolID+"> stolen laptop")
	s.card()
	if f.with != nil {
		f.with(s)
	}
	s.click(aliceID, bot.ActionConfirm)
	s.cardSays(f.card)
	s.until("the thread says "+f.thread, func() bool {
		for _, m := range s.stands("thread") {
			if strings.Contains(plain(m), f.thread) {
				return true
			}
		}
		return false
	})
	s.quiet()
	f.recorded(t, s)
}

// atConsole has somebody revoke in a shell.
func (f fault) atConsole(t *testing.T) {
	s := newFaultStage(t)
	if f.with != nil {
		f.with(s)
	}
	var out, log bytes.Buffer
	code := run(t.Context(), []string{"revoke", "--user-id", s.entraID("carol"), "--confirm=false"}, s.getenv, strings.NewReader(""), &out, &log, s.at)
	if said := strings.Join(strings.Fields(out.String()), " "); code != f.exit || !strings.Contains(said, f.out) {
		t.Errorf("exit code %d, want %d; it says\n%s\nwithout\n%s\n%s", code, f.exit, said, f.out, log.String())
	}
	switch {
	case f.state == bot.Void: // there is no card that could be void
		f.state, f.outcome, f.status, f.code, f.posts = bot.Failed, graph.NotDone, 404, "Request_ResourceNotFound", 1
	case f.state == bot.Verified && strings.Contains(f.out, "Not verified yet"), f.state == bot.NotVisibleYet:
		f.state = bot.Revoked // nobody waits for it in a shell
	}
	f.recorded(t, s)
}

// recorded looks at Graph's side and at the audit chain.
func (f fault) recorded(t *testing.T, s *faultStage) {
	t.Helper()
	if got := len(s.entra.Posts()); got != f.posts {
		t.Errorf("Graph got %d POSTs, not %d", got, f.posts)
	}
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(s.folder, "revoke-sessions.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Audit(t.Context(), "") // which verifies every link
	if err != nil {
		t.Fatal(err)
	}
	var last, called bot.Entry
	for _, e := range rows {
		if slices.Contains(bot.States, bot.State(e.Action)) {
			last = e
		}
		if e.Outcome != "" {
			called = e
		}
	}
	if last.Action != string(f.state) {
		t.Errorf("the last state on record is %s, not %s", last.Action, f.state)
	}
	if called.Outcome != string(f.outcome) || called.Status != f.status || called.Code != f.code {
		t.Errorf("the last call is on record as %s, status %d, code %q, not %s, %d, %q", called.Outcome, called.Status, called.Code, f.outcome, f.status, f.code)
	}
	if asked := len(s.entra.Posts()) > 0; asked && f.status != 0 && called.RequestID == "" && called.Also == "" && cmp.Or(f.code, "x") != graph.CodeConnectionLost {
		t.Error("Microsoft's request ID is not on record")
	}
}
