package graph_test

import (
	"errors"
	"fmt"
	"testing"

	"revoke-sessions/graph"
)

func TestAnErrorNamesBothCalls(t *testing.T) {
	for want, e := range map[string]*graph.Error{
		"revoke sessions: Microsoft answered 403 (Authorization_RequestDenied), request-id r": {
			Op: "revoke sessions", Operation: graph.InvalidateAllRefreshTokens, Status: 403, Code: "Authorization_RequestDenied", RequestID: "r",
		},
		"revoke sessions: Microsoft answered 429 (TooManyRequests), request-id r: " +
			"this was revokeSignInSessions, after invalidateAllRefreshTokens was answered with 400 (operation_gone), request-id q": {
			Op: "revoke sessions", Operation: graph.RevokeSignInSessions, Status: 429, Code: "TooManyRequests", RequestID: "r",
			Also: &graph.Refusal{Operation: graph.InvalidateAllRefreshTokens, Status: 400, Code: graph.CodeOperationGone, RequestID: "q"},
		},
		"revoke sessions: timeout: this was revokeSignInSessions, after invalidateAllRefreshTokens was answered with 403": {
			Op: "revoke sessions", Operation: graph.RevokeSignInSessions, Code: graph.CodeTimeout,
			Also: &graph.Refusal{Operation: graph.InvalidateAllRefreshTokens, Status: 403},
		},
		"read the account: no answer from Microsoft": {Op: "read the account"},
	} {
		if got := e.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestWhichErrorsAreAboutAMissingAccount(t *testing.T) {
	for name, row := range map[string]struct {
		err  error
		want bool
	}{
		"none":            {nil, false},
		"not ours":        {errors.New("404"), false},
		"no account":      {&graph.Error{Status: 404, Code: "Request_ResourceNotFound"}, true},
		"wrapped":         {fmt.Errorf("reading: %w", &graph.Error{Status: 404, Code: "Request_ResourceNotFound"}), true},
		"of a proxy":      {&graph.Error{Status: 404, Code: graph.CodeUnreadable}, false},
		"of the action":   {&graph.Error{Status: 404, Code: graph.CodeOperationGone}, false},
		"nobody knows":    {&graph.Error{Status: 404, Code: graph.CodeNothingFound}, false},
		"another status":  {&graph.Error{Status: 400, Code: "Request_ResourceNotFound"}, false},
		"action gone 400": {&graph.Error{Status: 400, Code: graph.CodeOperationGone}, false},
	} {
		if got := graph.IsNotFound(row.err); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
