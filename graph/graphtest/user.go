package graphtest

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"
)

// User is an account of the directory, with the properties that the double
// knows. An empty string and a nil pointer are answered as null.
type User struct {
	// ID is the object ID, a GUID. AddUser makes one when it is empty.
	ID                string
	DisplayName       string
	UserPrincipalName string
	Mail              string
	// ProxyAddresses look like "SMTP:primary@x.example", "smtp:other@x.example".
	ProxyAddresses []string
	// UserType is "Member" or "Guest". AddUser makes it Member when empty.
	UserType string
	// ExternalUserState is "PendingAcceptance" or "Accepted" for an invited
	// guest, and null for others.
	ExternalUserState string
	// AccountEnabled is made true by AddUser when nil.
	AccountEnabled *bool
	// OnPremisesSyncEnabled is null for an account that was never synced.
	OnPremisesSyncEnabled *bool
	// IsManagementRestricted is null outside restricted management units. Nobody
	// revokes the sessions of an account for which it is true.
	IsManagementRestricted *bool
	// The three instants of signInActivity; without any of them it is not
	// answered. The first two count attempts, failed ones too.
	LastSignIn               time.Time
	LastNonInteractiveSignIn time.Time
	LastSuccessfulSignIn     time.Time
	// The two stamps, in whole seconds. AddUser sets a zero one to 30 days ago.
	RefreshTokensValidFrom  time.Time
	SignInSessionsValidFrom time.Time

	// Missing names properties, as in Graph's JSON, that are left out of
	// answers even when selected.
	Missing []string
	// Null names properties that are answered as null although they have a
	// value, as Graph does where a permission is lacking.
	Null []string
}

// Guest reports whether the account belongs to another organisation.
func (u User) Guest() bool {
	return strings.EqualFold(u.UserType, "Guest") || u.ExternalUserState != "" ||
		strings.Contains(strings.ToUpper(u.UserPrincipalName), "#EXT#")
}

// clone is a copy that shares nothing with u.
func (u User) clone() User {
	u.ProxyAddresses = slices.Clone(u.ProxyAddresses)
	u.Missing = slices.Clone(u.Missing)
	u.Null = slices.Clone(u.Null)
	if u.AccountEnabled != nil {
		u.AccountEnabled = new(*u.AccountEnabled)
	}
	if u.OnPremisesSyncEnabled != nil {
		u.OnPremisesSyncEnabled = new(*u.OnPremisesSyncEnabled)
	}
	if u.IsManagementRestricted != nil {
		u.IsManagementRestricted = new(*u.IsManagementRestricted)
	}
	return u
}

// account is a user and what readers still see of its past.
type account struct {
	user User
	// past holds the stamps that a revoke replaced, oldest first, each with
	// the instant until which reads show it.
	past []pastStamps
}

type pastStamps struct {
	refreshTokens, sessions time.Time
	until                   time.Time
}

// visible is the user as a read at now shows it.
func (a *account) visible(now time.Time) User {
	a.past = slices.DeleteFunc(a.past, func(p pastStamps) bool { return !now.Before(p.until) })
	user := a.user.clone()
	if len(a.past) > 0 {
		user.RefreshTokensValidFrom = a.past[0].refreshTokens
		user.SignInSessionsValidFrom = a.past[0].sessions
	}
	return user
}

// AddUser puts an account into the directory and returns it with everything
// that was filled in. An ID that exists already is replaced.
func (s *Server) AddUser(user User) User {
	user = user.clone()
	if user.ID == "" {
		user.ID = newGUID()
	}
	if user.UserType == "" {
		user.UserType = "Member"
	}
	if user.AccountEnabled == nil {
		user.AccountEnabled = new(true)
	}
	monthAgo := s.config.Now().AddDate(0, 0, -30)
	if user.RefreshTokensValidFrom.IsZero() {
		user.RefreshTokensValidFrom = monthAgo
	}
	if user.SignInSessionsValidFrom.IsZero() {
		user.SignInSessionsValidFrom = monthAgo
	}
	user = wholeSeconds(user)

	s.mu.Lock()
	defer s.mu.Unlock()
	s.users = slices.DeleteFunc(s.users, func(a *account) bool { return strings.EqualFold(a.user.ID, user.ID) })
	s.users = append(s.users, &account{user: user})
	return user.clone()
}

// User is the account as it is, whatever reads show, by object ID or user
// principal name.
func (s *Server) User(id string) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.find(id); a != nil {
		return a.user.clone(), true
	}
	return User{}, false
}

// Update changes an account. Reads see the change at once. It reports whether
// there is such an account; change must not call the server.
func (s *Server) Update(id string, change func(*User)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.find(id)
	if a == nil {
		return false
	}
	user := a.user.clone()
	change(&user)
	a.user, a.past = wholeSeconds(user.clone()), nil
	return true
}

// Remove deletes an account and reports whether it was there.
func (s *Server) Remove(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.find(id)
	if a == nil {
		return false
	}
	s.users = slices.DeleteFunc(s.users, func(other *account) bool { return other == a })
	return true
}

// SetReplicationLag makes reads show the stamps from before a revoke until d
// has passed since it. It counts for revokes from now on.
func (s *Server) SetReplicationLag(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag = d
}

// find wants s.mu held.
func (s *Server) find(id string) *account {
	for _, a := range s.users {
		if strings.EqualFold(a.user.ID, id) || strings.EqualFold(a.user.UserPrincipalName, id) && id != "" {
			return a
		}
	}
	return nil
}

// revoke moves the stamp of an operation to now and reports whether anything
// was moved. It wants s.mu held.
func (s *Server) revoke(a *account, operation string) bool {
	if a.user.Guest() {
		return false
	}
	now := s.config.Now()
	if s.lag > 0 {
		a.past = append(a.past, pastStamps{
			refreshTokens: a.user.RefreshTokensValidFrom,
			sessions:      a.user.SignInSessionsValidFrom,
			until:         now.Add(s.lag),
		})
	}
	stamp := now.UTC().Truncate(time.Second)
	if operation == opRevokeSessions {
		a.user.SignInSessionsValidFrom = stamp
	} else {
		a.user.RefreshTokensValidFrom = stamp
	}
	return true
}

func wholeSeconds(u User) User {
	u.RefreshTokensValidFrom = u.RefreshTokensValidFrom.UTC().Truncate(time.Second)
	u.SignInSessionsValidFrom = u.SignInSessionsValidFrom.UTC().Truncate(time.Second)
	return u
}

// newGUID is a random GUID, version 4.
func newGUID() string {
	var b [16]byte
	// crypto/rand.Read never fails; it ends the program instead.
	_, _ = rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
