package metrics

import (
	"context"
	"net/http"
	"strings"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// The operations of Microsoft Graph and Entra that are counted separately.
const (
	opRevoke     = "revoke"
	opUser       = "read_user"
	opFind       = "find_user"
	opMemberOf   = "member_of"
	opMembers    = "group_members"
	opPrivileged = "roles"
	opLastSignIn = "last_sign_in"
	opToken      = "token"
)

// The results of a call to them.
const (
	resultOK        = "ok"
	resultSignIn    = "sign_in_failed" // Entra gave no token
	resultDenied    = "denied"         // 401 or 403
	resultNotFound  = "not_found"
	resultThrottled = "throttled" // Microsoft asked to wait
	resultRefused   = "refused"   // any other 4xx, or it was never sent
	resultFault     = "fault"     // 5xx
	resultSilent    = "no_answer"
	resultUnknown   = "unknown" // it may have been carried out
)

func (m *Metrics) registerEntra() {
	m.entra = m.newCalls("graph_calls", "Calls to Microsoft Graph and, as token, to Entra's sign-in", "operation",
		[]string{opRevoke, opUser, opFind, opMemberOf, opMembers, opPrivileged, opLastSignIn, opToken},
		[]string{resultOK, resultSignIn, resultDenied, resultThrottled, resultFault, resultSilent, resultUnknown},
		[]float64{0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 30})
}

// graphResult returns the result label of a call.
func graphResult(err error) string {
	if err == nil {
		return resultOK
	}
	e := graph.AsError(err)
	if e == nil {
		return other
	}
	switch e.Code {
	case graph.CodeSignInFailed, graph.CodeSignInUnreachable, graph.CodeNoCredential, graph.CodeNotSignedIn:
		return resultSignIn
	}
	switch {
	case strings.HasPrefix(e.Code, "AADSTS"):
		return resultSignIn
	case e.Outcome == graph.OutcomeUnknown:
		return resultUnknown
	case e.Status == http.StatusTooManyRequests, e.Status == http.StatusServiceUnavailable && e.RetryAfter > 0:
		return resultThrottled
	}
	return byStatus(e.Status, e.Retryable)
}

func byStatus(status int, retryable bool) string {
	switch {
	case status >= 500:
		return resultFault
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return resultDenied
	case status == http.StatusNotFound:
		return resultNotFound
	case status >= 400:
		return resultRefused
	case status == 0 && !retryable:
		return resultRefused
	case status == 0:
		return resultSilent
	}
	return other
}

// Entra returns next with its calls counted.
func (m *Metrics) Entra(next bot.Entra) bot.Entra {
	if m == nil {
		return next
	}
	return &entra{Entra: next, calls: m.entra}
}

// entra counts the calls that it passes on.
type entra struct {
	bot.Entra
	calls calls
}

// counted makes one call and counts it.
func counted[T any](c calls, operation string, call func() (T, error)) (T, error) {
	began := time.Now()
	answer, err := call()
	c.count(operation, graphResult(err), time.Since(began))
	return answer, err
}

func (e *entra) User(ctx context.Context, objectID string) (graph.User, error) {
	return counted(e.calls, opUser, func() (graph.User, error) { return e.Entra.User(ctx, objectID) })
}

func (e *entra) Find(ctx context.Context, by graph.Key, address string) ([]graph.User, error) {
	return counted(e.calls, opFind, func() ([]graph.User, error) { return e.Entra.Find(ctx, by, address) })
}

func (e *entra) Revoke(ctx context.Context, objectID string) (graph.Revocation, error) {
	return counted(e.calls, opRevoke, func() (graph.Revocation, error) { return e.Entra.Revoke(ctx, objectID) })
}

func (e *entra) MemberOf(ctx context.Context, objectID string, groupIDs []string) ([]string, error) {
	return counted(e.calls, opMemberOf, func() ([]string, error) { return e.Entra.MemberOf(ctx, objectID, groupIDs) })
}

func (e *entra) Members(ctx context.Context, groupID string) (graph.Group, error) {
	return counted(e.calls, opMembers, func() (graph.Group, error) { return e.Entra.Members(ctx, groupID) })
}

func (e *entra) Privileged(ctx context.Context, objectID string) (graph.Fact, error) {
	return counted(e.calls, opPrivileged, func() (graph.Fact, error) { return e.Entra.Privileged(ctx, objectID) })
}

func (e *entra) ReachesAdministrators(ctx context.Context) (graph.Fact, error) {
	return counted(e.calls, opPrivileged, func() (graph.Fact, error) { return e.Entra.ReachesAdministrators(ctx) })
}

func (e *entra) LastSignIn(ctx context.Context, objectID string) (time.Time, error) {
	return counted(e.calls, opLastSignIn, func() (time.Time, error) { return e.Entra.LastSignIn(ctx, objectID) })
}

// signIn counts the requests for a token by their status. It does not read the body.
type signIn struct {
	next  http.RoundTripper
	calls calls
}

// RoundTrip implements http.RoundTripper.
func (s *signIn) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method != http.MethodPost {
		return s.next.RoundTrip(request) // asks whether Entra knows the tenant; not counted
	}
	began := time.Now()
	response, err := s.next.RoundTrip(request)
	result := resultSilent
	switch {
	case err != nil:
	case response.StatusCode < 300:
		result = resultOK
	case response.StatusCode == http.StatusTooManyRequests:
		result = resultThrottled
	case response.StatusCode < 500:
		result = resultSignIn
	default:
		result = resultFault
	}
	s.calls.count(opToken, result, time.Since(began))
	return response, err
}

// CloseIdleConnections passes on the call that http.Client makes when it is done.
func (s *signIn) CloseIdleConnections() {
	if t, ok := s.next.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
