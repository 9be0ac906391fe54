package msgraph_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
)

func TestRevoke(t *testing.T) {
	tenant := newTenant(t)
	before := time.Now().Truncate(time.Second)
	got, err := tenant.client.Revoke(t.Context(), strings.ToUpper(tenant.carol.ID))
	if err != nil {
		t.Fatal(err)
	}
	posts := tenant.Posts()
	if len(posts) != 1 || !posts[0].Applied || posts[0].ObjectID != tenant.carol.ID {
		t.Fatalf("%+v", posts)
	}
	want := graph.Revocation{
		Operation: graph.InvalidateAllRefreshTokens, Status: 204,
		RequestID: posts[0].RequestID, ClientRequestID: posts[0].ClientRequestID, At: got.At, Header: got.Header,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.At.Before(before) || got.At.After(time.Now()) {
		t.Errorf("at %v, not now", got.At)
	}
	if got.ClientRequestID == "" || got.ClientRequestID == got.RequestID {
		t.Errorf("client-request-id %q", got.ClientRequestID)
	}
	header := tenant.Requests()[0].Header
	if n := len(header.Values("client-request-id")); n != 1 {
		t.Errorf("%d client-request-ids", n)
	}
	for _, absent := range []string{"Content-Encoding", "Retry-Attempt"} {
		if header.Get(absent) != "" {
			t.Errorf("%s: %s was sent", absent, header.Get(absent))
		}
	}
}

// TestWhatIsAYes holds every form of answer that the SDK takes for a success.
func TestWhatIsAYes(t *testing.T) {
	const json = "application/json"
	for name, row := range map[string]struct {
		fault graphtest.Fault
		yes   bool
	}{
		"204":                 {graphtest.Fault{Status: 204, Apply: true}, true},
		"200 true":            {graphtest.Fault{Body: []byte(`{"value":true}`)}, true},
		"200 true, context":   {graphtest.Fault{Body: []byte(`{"@odata.context":"x","value":true}`), ContentType: json + "; odata.metadata=minimal"}, true},
		"200 false":           {graphtest.Fault{Body: []byte(`{"value":false}`)}, false},
		"200 null":            {graphtest.Fault{Body: []byte(`{"value":null}`)}, false},
		"200 text":            {graphtest.Fault{Body: []byte(`{"value":"true"}`)}, false},
		"200 number":          {graphtest.Fault{Body: []byte(`{"value":1}`)}, false},
		"200 no value":        {graphtest.Fault{Body: []byte(`{}`)}, false},
		"200 bare true":       {graphtest.Fault{Body: []byte(`true`)}, false},
		"200 bare null":       {graphtest.Fault{Body: []byte(`null`)}, false},
		"200 list":            {graphtest.Fault{Body: []byte(`[{"value":true}]`)}, false},
		"200 broken":          {graphtest.Fault{Body: []byte(`{"value":true`)}, false},
		"200 empty":           {graphtest.Fault{Body: []byte{}}, false},
		"200 empty, no type":  {graphtest.Fault{Status: 200}, false},
		"200 html":            {graphtest.Fault{Body: []byte(`<p>{"value":true}`), ContentType: "text/html"}, false},
		"200 other type":      {graphtest.Fault{Body: []byte(`{"value":true}`), ContentType: "text/plain"}, false},
		"200 too long":        {graphtest.Fault{Body: []byte(`{"value":true}` + strings.Repeat(" ", 2<<20))}, false},
		"201 true":            {graphtest.Fault{Status: 201, Body: []byte(`{"value":true}`)}, false},
		"202":                 {graphtest.Fault{Status: 202}, false},
		"206 true":            {graphtest.Fault{Status: 206, Body: []byte(`{"value":true}`)}, false},
		"301 elsewhere":       {graphtest.Fault{Status: 301, Header: http.Header{"Location": {"/beta/me"}}}, false},
		"302 without a place": {graphtest.Fault{Status: 302}, false},
		"302 to nonsense":     {graphtest.Fault{Status: 302, Header: http.Header{"Location": {"http://[::1"}}}, false},
		"304":                 {graphtest.Fault{Status: 304}, false},
		"307 elsewhere":       {graphtest.Fault{Status: 307, Header: http.Header{"Location": {"/beta/me/invalidateAllRefreshTokens"}}}, false},
		"308 elsewhere":       {graphtest.Fault{Status: 308, Header: http.Header{"Location": {"/beta/me/invalidateAllRefreshTokens"}}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			tenant.Inject(row.fault)
			done, err := tenant.client.Revoke(t.Context(), tenant.carol.ID)
			if n := len(tenant.Requests()); n != 1 {
				t.Errorf("%d requests", n)
			}
			if row.yes {
				if err != nil || done.Status != tenant.Posts()[0].Status {
					t.Fatalf("%+v, %v", done, err)
				}
				return
			}
			e := wantError(t, err)
			if e.Outcome != graph.OutcomeUnknown || e.Retryable || e.Status != tenant.Posts()[0].Status ||
				e.RequestID != tenant.Posts()[0].RequestID {
				t.Errorf("%+v", e)
			}
			if !cmp.Equal(done, graph.Revocation{}) {
				t.Errorf("a failure with %+v", done)
			}
		})
	}
}

func TestHowARevokeFails(t *testing.T) {
	const (
		no      = graph.NotDone
		unknown = graph.OutcomeUnknown
	)
	const in30s = "the date in 30 seconds" // from when it is asked: the rows take a while
	past := time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)
	body := func(s string) []byte { return []byte(s) }
	for name, row := range map[string]struct {
		fault     graphtest.Fault
		outcome   graph.Outcome
		retryable bool
		after     time.Duration
		code      string
		remedy    string // part of it
	}{
		"400": {graphtest.Fault{Status: 400}, no, false, 0, "Request_BadRequest", "Check what was typed"},
		"401": {graphtest.Fault{Status: 401}, no, false, 0, "InvalidAuthenticationToken", "Graph address"},
		"403": {graphtest.Fault{Status: 403}, no, false, 0, "Authorization_RequestDenied", "Privileged Authentication Administrator"},
		"404": {graphtest.Fault{Status: 404}, no, false, 0, "Request_ResourceNotFound", "No such account"},
		"408": {graphtest.Fault{Status: 408}, no, true, 0, "UnknownError", "whole request"},
		"409": {graphtest.Fault{Status: 409, Code: "Directory_ConcurrencyViolation"}, no, true, 0, "Directory_ConcurrencyViolation", "same account"},
		"410": {graphtest.Fault{Status: 410, Code: "Gone"}, no, false, 0, "Gone", "no longer offers"},

		"429":            {graphtest.Fault{Status: 429}, no, true, 0, "TooManyRequests", "asked the bot to wait"},
		"429, seconds":   {graphtest.Fault{Status: 429, RetryAfter: "7"}, no, true, 7 * time.Second, "TooManyRequests", "asked the bot to wait"},
		"429, fraction":  {graphtest.Fault{Status: 429, RetryAfter: "1.5"}, no, true, 1500 * time.Millisecond, "TooManyRequests", "asked the bot to wait"},
		"429, date":      {graphtest.Fault{Status: 429, RetryAfter: in30s}, no, true, 30 * time.Second, "TooManyRequests", "asked the bot to wait"},
		"429, past date": {graphtest.Fault{Status: 429, RetryAfter: past}, no, true, 0, "TooManyRequests", "asked the bot to wait"},
		"429, nonsense":  {graphtest.Fault{Status: 429, RetryAfter: "soon"}, no, true, 0, "TooManyRequests", "asked the bot to wait"},
		"429, negative":  {graphtest.Fault{Status: 429, RetryAfter: "-5"}, no, true, 0, "TooManyRequests", "asked the bot to wait"},
		"429, NaN":       {graphtest.Fault{Status: 429, RetryAfter: "NaN"}, no, true, 0, "TooManyRequests", "asked the bot to wait"},
		"429, for ever":  {graphtest.Fault{Status: 429, RetryAfter: "1e300"}, no, true, 24 * time.Hour, "TooManyRequests", "asked the bot to wait"},
		"503":            {graphtest.Fault{Status: 503}, unknown, false, 0, "serviceNotAvailable", "not available at the moment"},
		"503, seconds":   {graphtest.Fault{Status: 503, RetryAfter: "5"}, no, true, 5 * time.Second, "serviceNotAvailable", "not available at the moment"},
		"503, at once":   {graphtest.Fault{Status: 503, RetryAfter: "0"}, no, true, 0, "serviceNotAvailable", "not available at the moment"},
		"503, date":      {graphtest.Fault{Status: 503, RetryAfter: in30s}, no, true, 30 * time.Second, "serviceNotAvailable", "not available at the moment"},
		"503, nonsense":  {graphtest.Fault{Status: 503, RetryAfter: "soon"}, unknown, false, 0, "serviceNotAvailable", "not available at the moment"},
		"500":            {graphtest.Fault{Status: 500}, unknown, false, 0, "InternalServerError", "error of its own"},
		"500, wait":      {graphtest.Fault{Status: 500, RetryAfter: "5"}, unknown, false, 0, "InternalServerError", "error of its own"},
		"502":            {graphtest.Fault{Status: 502}, unknown, false, 0, "UnknownError", "error of its own"},
		"502 html":       {graphtest.Fault{Status: 502, Body: body("<p>SECRET-IN-BODY"), ContentType: "text/html"}, unknown, false, 0, "", "error of its own"},
		"502 empty":      {graphtest.Fault{Status: 502, Body: []byte{}}, unknown, false, 0, "", "error of its own"},
		"504":            {graphtest.Fault{Status: 504}, unknown, false, 0, "UnknownError", "own network"},
		"500 applied":    {graphtest.Fault{Status: 500, Apply: true}, unknown, false, 0, "InternalServerError", "error of its own"},

		// ODataError.Error() panics on these.
		"empty object":   {graphtest.Fault{Status: 400, Body: body(`{}`)}, no, false, 0, "", "Check what was typed"},
		"null":           {graphtest.Fault{Status: 400, Body: body(`null`)}, no, false, 0, "", "Check what was typed"},
		"no message":     {graphtest.Fault{Status: 403, Body: body(`{"error":{"code":"x"}}`)}, no, false, 0, "x", "Privileged Authentication"},
		"no code":        {graphtest.Fault{Status: 403, Body: body(`{"error":{"message":"SECRET-IN-BODY"}}`)}, no, false, 0, "", "Privileged Authentication"},
		"error is text":  {graphtest.Fault{Status: 403, Body: body(`{"error":"SECRET-IN-BODY"}`)}, no, false, 0, "", "Privileged Authentication"},
		"code is number": {graphtest.Fault{Status: 403, Body: body(`{"error":{"code":5}}`)}, no, false, 0, "", "Privileged Authentication"},
		"list":           {graphtest.Fault{Status: 500, Body: body(`[1]`)}, unknown, false, 0, "", "error of its own"},
		"code is prose":  {graphtest.Fault{Status: 403, Code: "Bearer SECRET-IN-BODY <@U1>"}, no, false, 0, "", "Privileged Authentication"},
		"404 of a proxy": {graphtest.Fault{Status: 404, Body: body("<p>"), ContentType: "text/html"}, no, false, 0, graph.CodeUnreadable, "Perhaps a proxy answered"},

		"reset":             {graphtest.Fault{Reset: true}, unknown, false, 0, graph.CodeConnectionLost, "before Microsoft"},
		"reset, applied":    {graphtest.Fault{Reset: true, Apply: true}, unknown, false, 0, graph.CodeConnectionLost, "before Microsoft"},
		"reset in the body": {graphtest.Fault{Reset: true, Body: body(`{"value":true}`)}, unknown, false, 0, graph.CodeConnectionLost, "before Microsoft"},
		"403, then reset":   {graphtest.Fault{Reset: true, Status: 403, Body: body(`{"err`)}, no, false, 0, "", "Privileged Authentication"},

		"402":                    {graphtest.Fault{Status: 402, Code: "paymentRequired"}, no, false, 0, "paymentRequired", "look up the code"},
		"405":                    {graphtest.Fault{Status: 405, Code: "Request_BadRequest"}, no, false, 0, "Request_BadRequest", "Check what was typed"},
		"407":                    {graphtest.Fault{Status: 407, Body: []byte{}}, no, false, 0, "", "proxy wants a sign-in"},
		"412":                    {graphtest.Fault{Status: 412}, no, false, 0, "UnknownError", "refused the request"},
		"423":                    {graphtest.Fault{Status: 423, Code: "resourceLocked"}, no, true, 0, "resourceLocked", "locked the account"},
		"423, seconds":           {graphtest.Fault{Status: 423, RetryAfter: "4"}, no, true, 4 * time.Second, "UnknownError", "locked the account"},
		"429, an hour":           {graphtest.Fault{Status: 429, RetryAfter: "3600"}, no, true, time.Hour, "TooManyRequests", "asked the bot to wait"},
		"429 of another service": {graphtest.Fault{Status: 429, Code: "activityLimitReached"}, no, true, 0, "activityLimitReached", "asked the bot to wait"},
		"429 html":               {graphtest.Fault{Status: 429, RetryAfter: "2", Body: body("<p>"), ContentType: "text/html"}, no, true, 2 * time.Second, "", "asked the bot to wait"},
		"501":                    {graphtest.Fault{Status: 501, Code: "notImplemented"}, unknown, false, 0, "notImplemented", "error of its own"},
		"502 {}":                 {graphtest.Fault{Status: 502, Body: body(`{}`)}, unknown, false, 0, "", "error of its own"},
		"502, no message":        {graphtest.Fault{Status: 502, Body: body(`{"error":{"code":"BadGateway"}}`)}, unknown, false, 0, "BadGateway", "error of its own"},
		"503 html":               {graphtest.Fault{Status: 503, Body: body("<p>"), ContentType: "text/html"}, unknown, false, 0, "", "not available at the moment"},
		"503, an hour":           {graphtest.Fault{Status: 503, RetryAfter: "3600"}, no, true, time.Hour, "serviceNotAvailable", "not available at the moment"},
		"504 html":               {graphtest.Fault{Status: 504, Body: body("<p>"), ContentType: "text/html"}, unknown, false, 0, "", "own network"},
		"509":                    {graphtest.Fault{Status: 509, Code: "bandwidthLimit"}, unknown, false, 0, "bandwidthLimit", "error of its own"},
		"400, step-up":           {graphtest.Fault{Status: 400, Code: "interaction_required"}, no, false, 0, "interaction_required", "second factor"},
		"403, step-up":           {graphtest.Fault{Status: 403, Code: "insufficient_claims"}, no, false, 0, "insufficient_claims", "second factor"},
		"403 of a proxy":         {graphtest.Fault{Status: 403, Body: body("<p>"), ContentType: "text/html"}, no, false, 0, "", "Privileged Authentication"},
		"404 empty":              {graphtest.Fault{Status: 404, Body: []byte{}}, no, false, 0, graph.CodeUnreadable, "Perhaps a proxy answered"},
		"404 of the action":      {graphtest.Fault{Method: http.MethodPost, Status: 404, Code: "ResourceNotFound"}, no, false, 0, graph.CodeOperationGone, "no longer offers"},
		"400 of the action": {graphtest.Fault{Method: http.MethodPost, Status: 400, Code: "BadRequest", Message: "Resource not found for the segment 'invalidateAllRefreshTokens'."},
			no, false, 0, graph.CodeOperationGone, "no longer offers"},
		"400 of another segment": {graphtest.Fault{Method: http.MethodPost, Status: 400, Code: "BadRequest", Message: "Resource not found for the segment 'users'."},
			no, false, 0, "BadRequest", "Check what was typed"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, http2 := range []bool{false, true} {
				tenant := newTenant(t, func(c *graphtest.Config) { c.HTTP2 = http2 })
				fault := row.fault
				if fault.RetryAfter == in30s {
					fault.RetryAfter = time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat)
				}
				tenant.Inject(fault)
				_, err := tenant.client.Revoke(t.Context(), tenant.carol.ID)
				e := wantError(t, err, tenant.Config().ClientSecret)

				posts := tenant.Posts()
				if len(posts) != 1 {
					t.Fatalf("%d posts, want one and no retry", len(posts))
				}
				if e.Outcome != row.outcome || e.Retryable != row.retryable || e.Code != row.code {
					t.Errorf("http2 %v: %+v, want %s, retryable %v, code %q", http2, e, row.outcome, row.retryable, row.code)
				}
				if !strings.Contains(e.Remedy, row.remedy) {
					t.Errorf("remedy %q, want something with %q", e.Remedy, row.remedy)
				}
				if e.Operation != graph.InvalidateAllRefreshTokens || e.Also != nil || e.Header.Get("request-id") != e.RequestID {
					t.Errorf("operation %q, also %v, header %v", e.Operation, e.Also, e.Header)
				}
				if d := e.RetryAfter - row.after; d < -2*time.Second || d > 2*time.Second {
					t.Errorf("retry after %v, want %v", e.RetryAfter, row.after)
				}
				if e.Status != posts[0].Status || e.ClientRequestID != posts[0].ClientRequestID {
					t.Errorf("%+v, recorded %+v", e, posts[0])
				}
			}
		})
	}
}

func TestADateToWaitForIsByMicrosoftsClock(t *testing.T) {
	ahead := func() time.Time { return time.Now().Add(3 * time.Hour) }
	tenant := newTenant(t, func(c *graphtest.Config) { c.Now = ahead })
	tenant.Inject(graphtest.Fault{Status: 429, RetryAfter: ahead().Add(time.Minute).UTC().Format(http.TimeFormat)})
	_, err := tenant.client.Revoke(t.Context(), tenant.carol.ID)
	if e := wantError(t, err); e.RetryAfter < 50*time.Second || e.RetryAfter > time.Minute {
		t.Errorf("retry after %v, want about a minute", e.RetryAfter)
	}
}

func TestARevokeThatIsCutShort(t *testing.T) {
	for name, row := range map[string]struct {
		fault graphtest.Fault
		cause error
		code  string
	}{
		"deadline":            {graphtest.Fault{Hang: true}, context.DeadlineExceeded, graph.CodeTimeout},
		"deadline, applied":   {graphtest.Fault{Hang: true, Apply: true}, context.DeadlineExceeded, graph.CodeTimeout},
		"cancelled":           {graphtest.Fault{Hang: true}, context.Canceled, graph.CodeCanceled},
		"late 429, cancelled": {graphtest.Fault{Status: 429, Delay: time.Hour}, context.Canceled, graph.CodeCanceled},
	} {
		t.Run(name, func(t *testing.T) {
			for _, http2 := range []bool{false, true} {
				tenant := newTenant(t, func(c *graphtest.Config) { c.HTTP2 = http2 })
				tenant.Inject(row.fault)
				// The end comes once the POST has arrived, by a deadline that is
				// reached or by the caller.
				ctx, cancel := context.WithCancelCause(t.Context())
				arrived := make(chan error, 1)
				go func() {
					waiting, done := context.WithTimeout(t.Context(), patience)
					defer done()
					_, err := tenant.AwaitPosts(waiting, 1)
					arrived <- err
					cancel(row.cause)
				}()
				_, err := tenant.client.Revoke(ended{ctx, row.cause}, tenant.carol.ID)
				if err := <-arrived; err != nil {
					t.Fatal(err)
				}
				e := wantError(t, err)
				if e.Outcome != graph.OutcomeUnknown || e.Retryable || e.Status != 0 || e.Code != row.code || !errors.Is(e, row.cause) {
					t.Errorf("http2 %v: %+v", http2, e)
				}
				if e.ClientRequestID != tenant.Posts()[0].ClientRequestID {
					t.Error("the client-request-id is lost")
				}
			}
		})
	}
}

// ended is a context whose end looks as if it had the given cause.
type ended struct {
	context.Context
	cause error
}

func (e ended) Err() error {
	if e.Context.Err() == nil {
		return nil
	}
	return e.cause
}

// Value hides the context inside, whose own cause children would inherit.
func (e ended) Value(any) any { return nil }

func TestADeadlineBeforeAnythingIsNotDone(t *testing.T) {
	tenant := newTenant(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := tenant.client.Revoke(ctx, tenant.carol.ID)
	e := wantError(t, err)
	if e.Outcome != graph.NotDone || !e.Retryable || !errors.Is(e, context.Canceled) || len(tenant.Posts()) != 0 {
		t.Errorf("%+v, posts %v", e, tenant.Posts())
	}
}

// TestAChallengeForANewToken is continuous access evaluation: kiota signs in
// again, once, and sends the POST a second time.
func TestAChallengeForANewToken(t *testing.T) {
	const (
		unquoted = `Bearer realm="", claims=eyJhIjoxfQ==`          // kiota panics
		unpadded = `Bearer realm="", claims="eyJhIjoxfQ"`          // kiota cannot decode it
		plain401 = `Bearer realm="", error="invalid_token"`        // nothing to do again
		denied   = `Bearer error="insufficient_claims", claims=""` // empty
	)
	for name, row := range map[string]struct {
		fault graphtest.Fault
		posts int
		done  bool
	}{
		"met":      {graphtest.Fault{Challenge: graphtest.Claims, Times: 1}, 2, true},
		"repeated": {graphtest.Fault{Challenge: graphtest.Claims}, 2, false},
		"unquoted": {graphtest.Fault{Challenge: unquoted}, 1, false},
		"unpadded": {graphtest.Fault{Challenge: unpadded}, 1, false},
		"none":     {graphtest.Fault{Challenge: plain401}, 1, false},
		"empty":    {graphtest.Fault{Challenge: denied}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			tenant.Inject(row.fault)
			_, err := tenant.client.Revoke(t.Context(), tenant.carol.ID)
			posts := tenant.Posts()
			if len(posts) != row.posts {
				t.Fatalf("%d posts, want %d", len(posts), row.posts)
			}
			if row.done {
				if err != nil {
					t.Fatal(err)
				}
				if n := len(tenant.SignIns()); n != 3 { // the configuration once, a token twice
					t.Errorf("%d sign-in requests", n)
				}
				return
			}
			// 401 is a plain no, even where it makes the SDK panic.
			if e := wantError(t, err); e.Status != 401 || e.Outcome != graph.NotDone || e.Retryable ||
				e.RequestID != posts[len(posts)-1].RequestID {
				t.Errorf("%+v", e)
			}
			// The client lives on.
			tenant.ClearFaults()
			if _, err := tenant.client.Revoke(t.Context(), tenant.carol.ID); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheSecondPostAfterAChallengeCounts(t *testing.T) {
	tenant := newTenant(t)
	tenant.Inject(graphtest.Fault{Challenge: graphtest.Claims, Times: 1})
	tenant.Inject(graphtest.Fault{Reset: true, Apply: true})
	_, err := tenant.client.Revoke(t.Context(), tenant.carol.ID)
	if e := wantError(t, err); e.Outcome != graph.OutcomeUnknown || e.Status != 0 {
		t.Errorf("%+v", e)
	}
}

func TestARefusedSignInAfterAChallengeIsNotDone(t *testing.T) {
	tenant := newTenant(t)
	if _, err := tenant.client.User(t.Context(), tenant.carol.ID); err != nil {
		t.Fatal(err) // and now there is a token
	}
	tenant.Inject(graphtest.Fault{Challenge: graphtest.Claims})
	tenant.Inject(graphtest.Fault{Entra: true, Status: 400, Code: "AADSTS53003"})
	_, err := tenant.client.Revoke(t.Context(), tenant.carol.ID)
	if e := wantError(t, err); e.Outcome != graph.NotDone || e.Status != 401 || e.Code != "AADSTS53003" || len(tenant.Posts()) != 1 {
		t.Errorf("%+v", e)
	}
}

func TestWhatIsNoObjectIDNeverLeaves(t *testing.T) {
	tenant := newTenant(t)
	guid := tenant.carol.ID
	for _, id := range []string{
		"", ".", "..", "me", "me-token-to-replace", "a/b", "carol@contoso.example", "$x@contoso.example",
		guid + "\n", " " + guid, guid + "/", "../" + guid, guid + "?x=y", "{" + guid + "}", guid[1:], guid + "0",
		strings.ReplaceAll(guid, "-", ""), strings.ReplaceAll(guid, "-", "–"), strings.Replace(guid, guid[:1], "g", 1),
		guid + "," + guid, "%2e%2e",
	} {
		_, err := tenant.client.Revoke(t.Context(), id)
		if e := wantError(t, err); e.Outcome != graph.NotDone || e.Code != graph.CodeInvalidID || e.Retryable {
			t.Errorf("%q: %+v", id, e)
		}
		_, err = tenant.client.User(t.Context(), id)
		if e := wantError(t, err); e.Outcome != graph.NotDone || e.Code != graph.CodeInvalidID {
			t.Errorf("%q: %+v", id, e)
		}
	}
	if n := len(tenant.Requests()) + len(tenant.SignIns()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestOneClientForMany(t *testing.T) {
	tenant := newTenant(t)
	const many = 20
	var ids []string
	for range many {
		ids = append(ids, tenant.AddUser(graphtest.User{UserPrincipalName: "u@contoso.example"}).ID)
	}
	var wg sync.WaitGroup
	for _, id := range ids {
		wg.Go(func() {
			for range 5 {
				if _, err := tenant.client.User(t.Context(), id); err != nil {
					t.Error(err)
				}
				if _, err := tenant.client.Revoke(t.Context(), id); err != nil {
					t.Error(err)
				}
				if _, err := tenant.client.Find(t.Context(), graph.ByMail, tenant.carol.Mail); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	count := map[string]int{}
	seen := map[string]bool{}
	for _, p := range tenant.Posts() {
		count[p.ObjectID]++
		seen[p.ClientRequestID] = true
	}
	for _, id := range ids {
		if count[id] != 5 {
			t.Errorf("%d posts for %s, want 5", count[id], id)
		}
	}
	if len(seen) != 5*many {
		t.Errorf("%d client-request-ids for %d calls", len(seen), 5*many)
	}
}
