package msgraph_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
	"revoke-sessions/graph/msgraph"
)

const (
	invalidate = graph.InvalidateAllRefreshTokens
	revoke     = graph.RevokeSignInSessions
)

// with is another client of the tenant's.
func (n *tenant) with(t *testing.T, change func(*msgraph.Config)) *msgraph.Client {
	t.Helper()
	config := msgraph.Config{
		Credential: credentialFor(t, n.Server, n.Config().ClientSecret),
		GraphURL:   n.GraphURL(),
		Transport:  n.Client().Transport,
	}
	change(&config)
	client, err := msgraph.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func TestWhichOperationsThereAre(t *testing.T) {
	for name, row := range map[string]struct {
		operation, fallback graph.Operation
		problem             string
	}{
		"default":                 {"", "", ""},
		"the default by name":     {invalidate, "", ""},
		"the other":               {revoke, "", ""},
		"default, fallback":       {"", revoke, ""},
		"by name, fallback":       {invalidate, revoke, ""},
		"unknown":                 {"deleteUser", "", "unknown operation"},
		"other case":              {"RevokeSignInSessions", "", "unknown operation"},
		"unknown fallback":        {"", "deleteUser", "cannot fall back"},
		"fallback to itself":      {invalidate, invalidate, "cannot fall back"},
		"the other to itself":     {revoke, revoke, "cannot fall back"},
		"the wrong way round":     {revoke, invalidate, "cannot fall back"},
		"unknown, known fallback": {"deleteUser", revoke, "unknown operation"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := msgraph.New(msgraph.Config{Credential: staticToken("t"), Operation: row.operation, Fallback: row.fallback})
			if row.problem == "" && err != nil || row.problem != "" && (err == nil || !strings.Contains(err.Error(), row.problem)) {
				t.Errorf("%v, want %q", err, row.problem)
			}
		})
	}
}

func TestTheOtherOperation(t *testing.T) {
	tenant := newTenant(t)
	client := tenant.with(t, func(c *msgraph.Config) { c.Operation = revoke })
	before, err := client.User(t.Context(), tenant.carol.ID)
	if err != nil {
		t.Fatal(err)
	}
	done, err := client.Revoke(t.Context(), tenant.carol.ID)
	if err != nil || done.Operation != revoke || done.Status != 200 || done.Also != nil {
		t.Fatalf("%+v, %v", done, err)
	}
	posts := tenant.Posts()
	if len(posts) != 1 || posts[0].Operation != string(revoke) || !strings.HasPrefix(posts[0].Path, "/beta/users/") || !posts[0].Applied {
		t.Errorf("%+v", posts)
	}
	after, err := client.User(t.Context(), tenant.carol.ID)
	if err != nil || !after.Stamps.MovedSince(before.Stamps) || !after.Stamps.Sessions.After(before.Stamps.Sessions) {
		t.Errorf("%+v, %v: the stamp did not move", after.Stamps, err)
	}
}

// TestTheOtherOperationWantsAYesToo: its builder is another one of the SDK's.
func TestTheOtherOperationWantsAYesToo(t *testing.T) {
	for name, row := range map[string]struct {
		fault graphtest.Fault
		yes   bool
	}{
		"204":        {graphtest.Fault{Status: 204}, true},
		"200 true":   {graphtest.Fault{Body: []byte(`{"value":true}`)}, true},
		"200 false":  {graphtest.Fault{Body: []byte(`{"value":false}`)}, false},
		"200 empty":  {graphtest.Fault{Body: []byte{}}, false},
		"200 {}":     {graphtest.Fault{Body: []byte(`{}`)}, false},
		"200 html":   {graphtest.Fault{Body: []byte(`<p>`), ContentType: "text/html"}, false},
		"302":        {graphtest.Fault{Status: 302}, false},
		"304":        {graphtest.Fault{Status: 304}, false},
		"500":        {graphtest.Fault{Status: 500}, false},
		"500, panic": {graphtest.Fault{Status: 500, Body: []byte(`{}`)}, false},
		"reset":      {graphtest.Fault{Reset: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			tenant.Inject(row.fault)
			done, err := tenant.with(t, func(c *msgraph.Config) { c.Operation = revoke }).Revoke(t.Context(), tenant.carol.ID)
			if n := len(tenant.Posts()); n != 1 {
				t.Errorf("%d posts", n)
			}
			if row.yes {
				if err != nil || done.Operation != revoke {
					t.Errorf("%+v, %v", done, err)
				}
				return
			}
			if e := wantError(t, err); e.Outcome != graph.OutcomeUnknown || e.Operation != revoke {
				t.Errorf("%+v", e)
			}
		})
	}
}

// noSegment is what Graph answers for an action that it does not have, to the
// POST alone; missing is a 404 that leaves open what is missing.
var (
	noSegment = graphtest.Fault{Method: http.MethodPost, PathSuffix: "/" + string(invalidate), Status: 400, Code: "BadRequest",
		Message: "Resource not found for the segment 'microsoft.graph.invalidateAllRefreshTokens'."}
	missing = graphtest.Fault{Method: http.MethodPost, PathSuffix: "/" + string(invalidate), Status: 404, Code: "ResourceNotFound",
		Message: "Resource could not be discovered."}
)

func onFirst(f graphtest.Fault) graphtest.Fault {
	f.Method, f.PathSuffix = http.MethodPost, "/"+string(invalidate)
	return f
}

func TestFallback(t *testing.T) {
	retire := func(n *tenant) { n.Retire(string(invalidate)) }
	forbid := func(n *tenant) { n.Withdraw("User.RevokeSessions.All"); n.Grant("User.ReadWrite.All") }
	remove := func(n *tenant) { n.Remove(n.carol.ID) }
	first := func(f graphtest.Fault) func(*tenant) { return func(n *tenant) { n.Inject(onFirst(f)) } }
	second := func(f graphtest.Fault) func(*tenant) {
		f.Method, f.PathSuffix = http.MethodPost, "/"+string(revoke)
		return func(n *tenant) { n.Inject(f) }
	}
	read := func(f graphtest.Fault) func(*tenant) {
		f.Method = http.MethodGet
		return func(n *tenant) { n.Inject(f) }
	}
	all := func(steps ...func(*tenant)) []func(*tenant) { return steps }

	// failed is what is expected of an error; nil of a yes.
	type failed struct {
		status    int
		code      string
		outcome   graph.Outcome
		retryable bool
		after     time.Duration
		notFound  bool
	}
	for name, row := range map[string]struct {
		stage []func(*tenant)
		posts []graph.Operation
		reads int
		also  *graph.Refusal
		err   *failed
	}{
		"not needed": {nil, []graph.Operation{invalidate}, 0, nil, nil},
		"action gone": {all(retire), []graph.Operation{invalidate, revoke}, 1,
			&graph.Refusal{Operation: invalidate, Status: 400, Code: graph.CodeOperationGone}, nil},
		"action gone, qualified": {all(func(n *tenant) { n.Inject(noSegment) }), []graph.Operation{invalidate, revoke}, 1,
			&graph.Refusal{Operation: invalidate, Status: 400, Code: graph.CodeOperationGone}, nil},
		"action gone, 404": {all(func(n *tenant) { n.Inject(missing) }), []graph.Operation{invalidate, revoke}, 1,
			&graph.Refusal{Operation: invalidate, Status: 404, Code: graph.CodeOperationGone}, nil},
		"action gone, 404, unknown code": {all(first(graphtest.Fault{Status: 404, Code: "UnknownError"})), []graph.Operation{invalidate, revoke}, 1,
			&graph.Refusal{Operation: invalidate, Status: 404, Code: graph.CodeOperationGone}, nil},
		"not permitted": {all(forbid), []graph.Operation{invalidate, revoke}, 0,
			&graph.Refusal{Operation: invalidate, Status: 403, Code: "Authorization_RequestDenied"}, nil},
		"neither permitted": {all(func(n *tenant) { n.Withdraw("User.RevokeSessions.All") }), []graph.Operation{invalidate, revoke}, 0,
			&graph.Refusal{Operation: invalidate, Status: 403, Code: "Authorization_RequestDenied"},
			&failed{status: 403, code: "Authorization_RequestDenied", outcome: graph.NotDone}},
		"restricted account": {all(func(n *tenant) {
			n.Update(n.carol.ID, func(u *graphtest.User) { u.IsManagementRestricted = new(true) })
		}), []graph.Operation{invalidate, revoke}, 0,
			&graph.Refusal{Operation: invalidate, Status: 403, Code: "Authorization_RequestDenied"},
			&failed{status: 403, code: "Authorization_RequestDenied", outcome: graph.NotDone}},
		"both gone": {all(retire, func(n *tenant) { n.Retire(string(revoke)) }), []graph.Operation{invalidate, revoke}, 1,
			&graph.Refusal{Operation: invalidate, Status: 400, Code: graph.CodeOperationGone},
			&failed{status: 400, code: "BadRequest", outcome: graph.NotDone}},
		"fallback says nothing": {all(retire, second(graphtest.Fault{Reset: true})), []graph.Operation{invalidate, revoke}, 1,
			&graph.Refusal{Operation: invalidate, Status: 400, Code: graph.CodeOperationGone},
			&failed{code: graph.CodeConnectionLost, outcome: graph.OutcomeUnknown}},
		"fallback says false": {all(forbid, second(graphtest.Fault{Body: []byte(`{"value":false}`)})), []graph.Operation{invalidate, revoke}, 0,
			&graph.Refusal{Operation: invalidate, Status: 403, Code: "Authorization_RequestDenied"},
			&failed{status: 200, code: graph.CodeUnreadable, outcome: graph.OutcomeUnknown}},
		"fallback must wait": {all(forbid, second(graphtest.Fault{Status: 429, RetryAfter: "9"})), []graph.Operation{invalidate, revoke}, 0,
			&graph.Refusal{Operation: invalidate, Status: 403, Code: "Authorization_RequestDenied"},
			&failed{status: 429, code: "TooManyRequests", outcome: graph.NotDone, retryable: true, after: 9 * time.Second}},
		"user removed before the fallback": {all(forbid, second(graphtest.Fault{Status: 404})), []graph.Operation{invalidate, revoke}, 0,
			&graph.Refusal{Operation: invalidate, Status: 403, Code: "Authorization_RequestDenied"},
			&failed{status: 404, code: "Request_ResourceNotFound", outcome: graph.NotDone, notFound: true}},

		// Never for a missing user.
		"user missing": {all(remove), []graph.Operation{invalidate}, 0, nil,
			&failed{status: 404, code: "Request_ResourceNotFound", outcome: graph.NotDone, notFound: true}},
		"user missing, other code": {all(remove, func(n *tenant) { n.Inject(missing) }), []graph.Operation{invalidate}, 1, nil,
			&failed{status: 404, code: "Request_ResourceNotFound", outcome: graph.NotDone, notFound: true}},
		"user and action missing": {all(remove, retire), []graph.Operation{invalidate}, 1, nil,
			&failed{status: 400, code: graph.CodeOperationGone, outcome: graph.NotDone}},
		// Nor when that could not be found out.
		"404, read must wait": {all(func(n *tenant) { n.Inject(missing) }, read(graphtest.Fault{Status: 429, RetryAfter: "7"})),
			[]graph.Operation{invalidate}, 1, nil,
			&failed{status: 404, code: graph.CodeNothingFound, outcome: graph.NotDone, retryable: true, after: 7 * time.Second}},
		"404, read forbidden": {all(func(n *tenant) { n.Inject(missing); n.Withdraw("User.Read.All") }), []graph.Operation{invalidate}, 1, nil,
			&failed{status: 404, code: graph.CodeNothingFound, outcome: graph.NotDone}},
		"404, read fails": {all(func(n *tenant) { n.Inject(missing) }, read(graphtest.Fault{Status: 500})), []graph.Operation{invalidate}, 1, nil,
			&failed{status: 404, code: graph.CodeNothingFound, outcome: graph.NotDone, retryable: true}},
		"gone, read fails": {all(retire, read(graphtest.Fault{Status: 500})), []graph.Operation{invalidate}, 1, nil,
			&failed{status: 400, code: graph.CodeOperationGone, outcome: graph.NotDone, retryable: true}},

		// Never after anything else.
		"404 of a proxy": {all(first(graphtest.Fault{Status: 404, Body: []byte("<p>"), ContentType: "text/html"})), []graph.Operation{invalidate}, 0, nil,
			&failed{status: 404, code: graph.CodeUnreadable, outcome: graph.NotDone}},
		"403 of a proxy": {all(first(graphtest.Fault{Status: 403, Body: []byte("<p>"), ContentType: "text/html"})), []graph.Operation{invalidate}, 0, nil,
			&failed{status: 403, outcome: graph.NotDone}},
		"403, step-up": {all(first(graphtest.Fault{Status: 403, Code: "insufficient_claims"})), []graph.Operation{invalidate}, 0, nil,
			&failed{status: 403, code: "insufficient_claims", outcome: graph.NotDone}},
		"403, other code": {all(first(graphtest.Fault{Status: 403, Code: "accessDenied"})), []graph.Operation{invalidate}, 0, nil,
			&failed{status: 403, code: "accessDenied", outcome: graph.NotDone}},
		"400": {all(first(graphtest.Fault{Status: 400})), []graph.Operation{invalidate}, 0, nil,
			&failed{status: 400, code: "Request_BadRequest", outcome: graph.NotDone}},
		"400, denied": {all(first(graphtest.Fault{Status: 400, Code: "Authorization_RequestDenied"})), []graph.Operation{invalidate}, 0, nil,
			&failed{status: 400, code: "Authorization_RequestDenied", outcome: graph.NotDone}},
		"400, other segment": {all(first(graphtest.Fault{Status: 400, Code: "BadRequest", Message: "Resource not found for the segment 'users'."})),
			[]graph.Operation{invalidate}, 0, nil, &failed{status: 400, code: "BadRequest", outcome: graph.NotDone}},
		"401": {all(first(graphtest.Fault{Status: 401})), []graph.Operation{invalidate}, 0, nil,
			&failed{status: 401, code: "InvalidAuthenticationToken", outcome: graph.NotDone}},
		"409": {all(first(graphtest.Fault{Status: 409})), []graph.Operation{invalidate}, 0, nil,
			&failed{status: 409, code: "UnknownError", outcome: graph.NotDone, retryable: true}},
		"429": {all(first(graphtest.Fault{Status: 429, RetryAfter: "3"})), []graph.Operation{invalidate}, 0, nil,
			&failed{status: 429, code: "TooManyRequests", outcome: graph.NotDone, retryable: true, after: 3 * time.Second}},
		"500": {all(first(graphtest.Fault{Status: 500})), []graph.Operation{invalidate}, 0, nil,
			&failed{status: 500, code: "InternalServerError", outcome: graph.OutcomeUnknown}},
		"500, denied": {all(first(graphtest.Fault{Status: 500, Code: "Authorization_RequestDenied"})), []graph.Operation{invalidate}, 0, nil,
			&failed{status: 500, code: "Authorization_RequestDenied", outcome: graph.OutcomeUnknown}},
		"501": {all(first(graphtest.Fault{Status: 501})), []graph.Operation{invalidate}, 0, nil,
			&failed{status: 501, code: "UnknownError", outcome: graph.OutcomeUnknown}},
		"503, seconds": {all(first(graphtest.Fault{Status: 503, RetryAfter: "3"})), []graph.Operation{invalidate}, 0, nil,
			&failed{status: 503, code: "serviceNotAvailable", outcome: graph.NotDone, retryable: true, after: 3 * time.Second}},
		"reset": {all(first(graphtest.Fault{Reset: true})), []graph.Operation{invalidate}, 0, nil,
			&failed{code: graph.CodeConnectionLost, outcome: graph.OutcomeUnknown}},
		"200 false": {all(first(graphtest.Fault{Body: []byte(`{"value":false}`)})), []graph.Operation{invalidate}, 0, nil,
			&failed{status: 200, code: graph.CodeUnreadable, outcome: graph.OutcomeUnknown}},
		"302": {all(first(graphtest.Fault{Status: 302})), []graph.Operation{invalidate}, 0, nil,
			&failed{status: 302, outcome: graph.OutcomeUnknown}},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			for _, step := range row.stage {
				step(tenant)
			}
			client := tenant.with(t, func(c *msgraph.Config) { c.Fallback = revoke })
			done, err := client.Revoke(t.Context(), tenant.carol.ID)

			posts := tenant.Posts()
			var ran []graph.Operation
			for _, p := range posts {
				ran = append(ran, graph.Operation(p.Operation))
				if p.ObjectID != tenant.carol.ID {
					t.Errorf("a post for %q", p.ObjectID)
				}
			}
			if diff := cmp.Diff(row.posts, ran); diff != "" || len(tenant.Reads()) != row.reads {
				t.Fatalf("%d reads, posts %s", len(tenant.Reads()), diff)
			}
			last := posts[len(posts)-1]
			if want := row.also; want != nil {
				want.RequestID, want.ClientRequestID = posts[0].RequestID, posts[0].ClientRequestID
			}
			if row.err == nil {
				if err != nil || done.Operation != ran[len(ran)-1] || done.RequestID != last.RequestID {
					t.Fatalf("%+v, %v", done, err)
				}
				if diff := cmp.Diff(row.also, done.Also); diff != "" {
					t.Error(diff)
				}
				return
			}
			e := wantError(t, err)
			got := failed{e.Status, e.Code, e.Outcome, e.Retryable, e.RetryAfter, graph.IsNotFound(err)}
			if got != *row.err || e.Operation != ran[len(ran)-1] || e.RequestID != last.RequestID && last.Status != 0 {
				t.Errorf("%+v, want %+v; %+v", got, *row.err, e)
			}
			if diff := cmp.Diff(row.also, e.Also); diff != "" {
				t.Error(diff)
			}
			if slices.ContainsFunc(posts, func(p graphtest.Post) bool { return p.Applied }) {
				t.Error("something was revoked")
			}
		})
	}
}

// TestNoFallbackUnlessAskedFor: the action that is gone is told as that all the
// same.
func TestNoFallbackUnlessAskedFor(t *testing.T) {
	for _, operation := range []graph.Operation{invalidate, revoke} {
		tenant := newTenant(t)
		client := tenant.with(t, func(c *msgraph.Config) { c.Operation = operation })
		tenant.Retire(string(operation))
		_, err := client.Revoke(t.Context(), tenant.carol.ID)
		if e := wantError(t, err); e.Code != graph.CodeOperationGone || e.Retryable || graph.IsNotFound(err) ||
			!strings.Contains(e.Remedy, "no longer offers") {
			t.Errorf("%+v", e)
		}
		tenant.Restore(string(operation))
		tenant.Withdraw("User.RevokeSessions.All")
		_, err = client.Revoke(t.Context(), tenant.carol.ID)
		if e := wantError(t, err); e.Status != 403 || e.Also != nil {
			t.Errorf("%+v", e)
		}
		if n := len(tenant.Posts()); n != 2 {
			t.Errorf("%d posts", n)
		}

		// Asking again would not bring the action back.
		tenant.Grant("User.RevokeSessions.All")
		tenant.Retire(string(operation))
		tenant.Inject(graphtest.Fault{Method: http.MethodGet, Status: 503, RetryAfter: "5"})
		_, err = client.Revoke(t.Context(), tenant.carol.ID)
		if e := wantError(t, err); e.Code != graph.CodeOperationGone || e.Retryable || e.RetryAfter != 0 {
			t.Errorf("%+v", e)
		}
	}
}

// TestAPersonsTokenHasNoFallbackFromA403: another action is no way around the
// roles of whoever signed in. An action that is gone is gone for them, too.
func TestAPersonsTokenHasNoFallbackFromA403(t *testing.T) {
	jwt := func(claims string) staticToken {
		return staticToken("e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".sig")
	}
	for name, row := range map[string]struct {
		token     staticToken
		delegated bool
		posts     int
	}{
		"opaque":                {"opaque", false, 2},
		"opaque, announced":     {"opaque", true, 1},
		"app":                   {jwt(`{"roles":["User.RevokeSessions.All"],"idtyp":"app"}`), false, 2},
		"app, older":            {jwt(`{"roles":["User.RevokeSessions.All"]}`), false, 2},
		"person":                {jwt(`{"scp":"User.RevokeSessions.All","idtyp":"user"}`), false, 1},
		"person, older":         {jwt(`{"scp":"User.RevokeSessions.All"}`), false, 1},
		"person without scopes": {jwt(`{"idtyp":"user"}`), false, 1},
		"app, announced":        {jwt(`{"idtyp":"app"}`), true, 1},
		"broken":                {"a.%.c", false, 2},
		"no claims":             {jwt(`[]`), false, 2},
	} {
		t.Run(name, func(t *testing.T) {
			status, posts := 403, 0
			client, err := msgraph.New(msgraph.Config{
				Credential: row.token, Fallback: revoke, Delegated: row.delegated,
				Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					switch {
					case r.Method == http.MethodGet:
						return answering(200, `{"id":"`+anybody+`"}`), nil
					case strings.HasSuffix(r.URL.Path, "/"+string(revoke)):
						posts++
						return answering(204, ""), nil
					}
					posts++
					if status == 404 {
						return answering(404, `{"error":{"code":"ResourceNotFound","message":"m"}}`), nil
					}
					return answering(403, `{"error":{"code":"Authorization_RequestDenied","message":"m"}}`), nil
				}),
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.Revoke(t.Context(), anybody); posts != row.posts || (err == nil) != (row.posts == 2) {
				t.Errorf("%d posts, want %d: %v", posts, row.posts, err)
			}
			status, posts = 404, 0
			if _, err := client.Revoke(t.Context(), anybody); posts != 2 || err != nil {
				t.Errorf("action gone: %d posts: %v", posts, err)
			}
		})
	}
}

// TestAFallbackKeepsToTheDeadline: one end for both calls, and none of unknown
// effect that began after it.
func TestAFallbackKeepsToTheDeadline(t *testing.T) {
	var ends []time.Time
	client, err := msgraph.New(msgraph.Config{
		Credential: staticToken("t"), Fallback: revoke,
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			until, _ := r.Context().Deadline()
			ends = append(ends, until)
			return answering(403, `{"error":{"code":"Authorization_RequestDenied","message":"m"}}`), nil
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Revoke(t.Context(), anybody)
	wantError(t, err)
	if len(ends) != 2 || ends[0].IsZero() || ends[1].After(ends[0]) {
		t.Errorf("the calls end at %v", ends)
	}
}

func answering(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(strings.NewReader(body)),
	}
}
