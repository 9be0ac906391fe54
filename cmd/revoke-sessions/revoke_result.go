package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/console"
	"revoke-sessions/bot/message"
	"revoke-sessions/graph"
)

// What an account came to.
const (
	outcomeRevoked  = "revoked"
	outcomeAccepted = "accepted" // of a guest, whose sessions are elsewhere
	outcomeDrilled  = "drilled"
	outcomeWhatIf   = "what_if"
	outcomeDeclined = "declined"
	outcomeRefused  = "refused"
	outcomeFailed   = "failed"
	outcomeUnknown  = "unknown"
)

// accountResult is what is printed of one account: of --output json, every field.
type accountResult struct {
	// UserID is the account as the operator named it.
	UserID      string `json:"user_id"`
	Outcome     string `json:"outcome"`
	ObjectID    string `json:"object_id,omitempty"`
	UPN         string `json:"upn,omitempty"`
	DisplayName string `json:"display_name,omitempty"`
	// Request is its ID in the audit chain.
	Request         string          `json:"request,omitempty"`
	State           bot.State       `json:"state,omitempty"`
	Operation       graph.Operation `json:"operation,omitempty"`
	Also            *graph.Refusal  `json:"also,omitempty"`
	Status          int             `json:"status,omitempty"`
	Code            string          `json:"code,omitempty"`
	RequestID       string          `json:"request_id,omitempty"`
	ClientRequestID string          `json:"client_request_id,omitempty"`
	AcceptedAt      time.Time       `json:"accepted_at,omitzero"`
	// Verified: the account shows the change.
	Verified        bool      `json:"verified"`
	ValidFromBefore time.Time `json:"valid_from_before,omitzero"`
	ValidFromAfter  time.Time `json:"valid_from_after,omitzero"`
	// Says is the outcome in sentences.
	Says string `json:"says"`

	quit    bool  // nothing more may start
	lost    error // the outcome could not be recorded
	preview bool  // Says is what --what-if shows
}

// fine reports that what was asked for came about.
func (r *accountResult) fine() bool {
	return r.accepted() || r.Outcome == outcomeDrilled || r.Outcome == outcomeWhatIf
}

// accepted reports whether Microsoft said yes, which is all that the cmdlet's
// True says.
func (r *accountResult) accepted() bool {
	return r.Outcome == outcomeRevoked || r.Outcome == outcomeAccepted
}

// called names the account for a list.
func (r *accountResult) called() string {
	if r.UPN != "" {
		return r.UPN
	}
	return r.UserID
}

// fill takes over what came of a request.
func (r *accountResult) fill(request *bot.Request) {
	r.Request, r.State, r.Operation = request.ID, request.State, request.Called()
	if a := request.Attempts.Last(); a != nil {
		r.Also, r.Status, r.Code, r.RequestID, r.ClientRequestID = a.Also, a.Status, a.Code, a.RequestID, a.ClientRequestID
	}
	r.AcceptedAt, r.Verified = request.AcceptedAt, request.State == bot.Verified
	r.ValidFromBefore, r.ValidFromAfter = request.Before.ValidFrom(), request.After.ValidFrom()
	r.Says = message.TerminalOutcome(request)
	switch {
	case request.State.Accepted() && request.Target.Guest == graph.Yes:
		r.Outcome = outcomeAccepted
	case request.State.Accepted():
		r.Outcome = outcomeRevoked
	case request.State == bot.Drilled:
		r.Outcome = outcomeDrilled
	case request.State == bot.Failed:
		r.Outcome = outcomeFailed
	case stopped(request):
		r.Outcome = outcomeDeclined
	default:
		r.Outcome = outcomeUnknown
	}
}

// lose says that the store did not take what came of it.
func (r *accountResult) lose(request *bot.Request, err error) {
	r.lost = err
	if request.State == "" {
		r.Outcome, r.Says = outcomeFailed, "Microsoft was not called, because the request could not be recorded first: "+err.Error()+"."
		return
	}
	r.Says += " This outcome could not be recorded: " + err.Error() + ". Keep this line."
}

func (r *accountResult) decline(quit bool) {
	r.Outcome, r.Says, r.quit = outcomeDeclined, "Declined. Nothing was revoked.", quit
}

// refuse is an account that the policy is against. The request has a State where
// that came up while it waited for Microsoft.
func (r *accountResult) refuse(e *console.RefusedError, request *bot.Request) {
	r.Outcome, r.Code, r.Says = outcomeRefused, string(e.Reason), e.Says+" Nothing was revoked."
	if request.State != "" {
		r.Request, r.State, r.Operation = request.ID, request.State, request.Called()
		r.Says = e.Says + " The request was waiting for Microsoft. Nothing was revoked."
	}
}

// withoutRefusal is what else went wrong, or nil.
func withoutRefusal(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	return errors.Join(slices.DeleteFunc(slices.Clone(joined.Unwrap()), func(e error) bool {
		_, refusal := errors.AsType[*console.RefusedError](e)
		return refusal
	})...)
}

// fail is an account that could not be read.
func (r *accountResult) fail(e *bot.LookupError) {
	r.Outcome, r.Says = outcomeFailed, "The account could not be looked up. Nothing was revoked."
	if no := graph.AsError(e); no != nil {
		r.Status, r.Code, r.RequestID, r.ClientRequestID = no.Status, no.Code, no.RequestID, no.ClientRequestID
		r.Says += " " + no.Remedy
	}
}

// whatIf is what would happen. Whatever would be refused is a failure.
func (r *accountResult) whatIf(preview *message.Preview) *accountResult {
	r.Outcome, r.preview = outcomeWhatIf, true
	if preview.Held {
		r.Outcome, r.Code = outcomeRefused, string(preview.Refused)
	}
	r.Says = "What if: " + strings.Join(preview.Lines(), "\n  ")
	return r
}

// line is the result for --output text.
func (r *accountResult) line() string {
	if r.preview {
		return r.Says
	}
	name := bot.Clean(r.UserID, 320)
	if r.UPN != "" && !strings.EqualFold(r.UPN, name) {
		name = r.UPN + " (" + name + ")"
	}
	var ids []string
	add := func(format, value string) {
		if value != "" {
			ids = append(ids, fmt.Sprintf(format, value))
		}
	}
	add("%s", r.Request)
	if r.Status != 0 || r.Request != "" && r.Outcome != outcomeDrilled {
		add("%s", string(r.Operation))
	}
	if r.Status != 0 {
		add("status %s", fmt.Sprint(r.Status))
	}
	if r.Status == 0 {
		add("code %s", r.Code)
	}
	if r.Also != nil {
		add("after %s was refused", string(r.Also.Operation))
	}
	add("Graph request-id %s", r.RequestID)
	line := fmt.Sprintf("%s: %s: %s", name, r.Outcome, r.Says)
	if len(ids) > 0 {
		line += " [" + strings.Join(ids, ", ") + "]"
	}
	return line
}

// print writes the result in the form that was asked for.
func (p *revoking) print(r *accountResult) error {
	var err error
	switch p.command.Output {
	case "json":
		err = json.NewEncoder(p.out).Encode(r)
	case "bool":
		_, err = fmt.Fprintln(p.out, r.accepted())
		if r.Outcome != outcomeRevoked || r.lost != nil {
			fmt.Fprintln(p.err, r.line())
		}
	default:
		_, err = fmt.Fprintln(p.out, r.line())
	}
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// stopped reports that the person who had confirmed it at a command line stopped it
// while it waited.
func stopped(r *bot.Request) bool {
	v := r.Verdict()
	return r.State == bot.Denied && v != nil && v.Kind == authz.Deny
}
