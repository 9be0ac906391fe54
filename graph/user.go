// Package graph holds what the bot knows of Microsoft Entra: an account, the
// stamps that a revoke moves, the outcome of a call, and an error that tells a
// person what to do next. It imports no SDK, no network and nothing else of
// this module; graph/msgraph talks to Microsoft and answers in these words.
package graph

import (
	"net/http"
	"time"
)

// Fact is a yes-or-no property of an account that may not have been readable.
// The zero value is Unknown: a fact that Graph did not return is never a no.
type Fact string

// The three answers.
const (
	Unknown Fact = ""
	Yes     Fact = "yes"
	No      Fact = "no"
)

// User is one Entra account, as far as the bot needs it. Strings come from
// the directory and count as typed text: whoever shows them must defuse them.
type User struct {
	// ID is the object ID: a GUID in lower case. It is the only name by which
	// a revoke addresses an account.
	ID          string `json:"id"`
	DisplayName string `json:"display_name,omitempty"`
	// UPN is the user principal name, which need not be an e-mail address.
	UPN string `json:"upn,omitempty"`
	// Mail is the primary SMTP address; empty where there is none.
	Mail string `json:"mail,omitempty"`
	// Addresses are the account's SMTP addresses, aliases included, as far as
	// they were read.
	Addresses []string `json:"addresses,omitempty"`

	// Guest says that the account signs in at another organisation, where
	// alone its sessions can be revoked.
	Guest Fact `json:"guest,omitempty"`
	// Disabled says that sign-in is blocked (accountEnabled is false).
	Disabled Fact `json:"disabled,omitempty"`
	// Synced says that the account is mastered in an on-premises directory.
	Synced Fact `json:"synced,omitempty"`
	// Restricted says that the account is in a restricted management
	// administrative unit: whoever manages it, an app included, needs a role
	// within that unit, and is refused without.
	Restricted Fact `json:"restricted,omitempty"`

	Stamps Stamps `json:"stamps"`
}

// Stamps are the two instants before which Entra honours no refresh token and
// no browser session of the account. invalidateAllRefreshTokens moves the
// first, revokeSignInSessions the second; that both are one stored value is
// likely but nowhere documented, so both are read and either may move.
type Stamps struct {
	RefreshTokens time.Time `json:"refresh_tokens,omitzero"`
	Sessions      time.Time `json:"sessions,omitzero"`
	// ReadAt is when the two were read, by the reader's clock; zero when they
	// were never read, and then they prove nothing.
	ReadAt time.Time `json:"read_at,omitzero"`
}

// Known reports whether the stamps were read at all.
func (s Stamps) Known() bool { return !s.ReadAt.IsZero() }

// ValidFrom is the later of the two stamps; zero when Graph returned neither.
func (s Stamps) ValidFrom() time.Time {
	if s.Sessions.After(s.RefreshTokens) {
		return s.Sessions
	}
	return s.RefreshTokens
}

// MovedSince reports whether either stamp is later than before. It compares
// what Graph said with what Graph said, never with a local clock, and answers
// false when before was not read.
func (s Stamps) MovedSince(before Stamps) bool {
	return s.Known() && before.Known() &&
		(s.RefreshTokens.After(before.RefreshTokens) || s.Sessions.After(before.Sessions))
}

// Key names the property by which accounts are looked for.
type Key string

// The properties a lookup may use, in the order in which they are trusted.
const (
	ByUPN   Key = "userPrincipalName"
	ByMail  Key = "mail"
	ByProxy Key = "proxyAddresses"
)

// Operation names a Graph action that ends sessions.
type Operation string

// The two actions.
const (
	// InvalidateAllRefreshTokens resets refreshTokensValidFromDateTime. It
	// exists in Graph beta only and Microsoft says that it will stay there.
	InvalidateAllRefreshTokens Operation = "invalidateAllRefreshTokens"
	// RevokeSignInSessions resets signInSessionsValidFromDateTime. It is the
	// one that Microsoft recommends.
	RevokeSignInSessions Operation = "revokeSignInSessions"
)

// Revocation is Microsoft's yes: 204, or 200 with the value true.
type Revocation struct {
	// Operation is what did it: the fallback, if the call came to that.
	Operation       Operation `json:"operation"`
	Status          int       `json:"status"`
	RequestID       string    `json:"request_id,omitempty"`
	ClientRequestID string    `json:"client_request_id,omitempty"`
	// At is the Date header of the answer: Microsoft's clock, in whole
	// seconds. Zero when the header was missing or unreadable.
	At time.Time `json:"at,omitzero"`
	// Also is the call that was refused before; nil without a fallback.
	Also *Refusal `json:"also,omitempty"`
	// Header is the answer's, without what could sign anybody in. It is not
	// stored.
	Header http.Header `json:"-"`
}

// Refusal is a call to which Microsoft said no for certain, so that another
// operation could be tried in its place.
type Refusal struct {
	Operation Operation `json:"operation"`
	// Status and Code are as in Error.
	Status          int    `json:"status"`
	Code            string `json:"code,omitempty"`
	RequestID       string `json:"request_id,omitempty"`
	ClientRequestID string `json:"client_request_id,omitempty"`
}
