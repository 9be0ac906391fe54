package graphtest

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// defaultCodeLifetime is how long Entra's device codes live.
const defaultCodeLifetime = 15 * time.Minute

// The states of a device code.
const (
	codePending = iota
	codeApproved
	codeDeclined
	codeSpent
)

// deviceCode lets somebody sign in on one machine for another.
type deviceCode struct {
	code, userCode string
	scope          string // as asked for
	expires        time.Time
	state          int
	grant          *personalGrant // whose sign-in it became
}

// personalGrant is what a refresh token stands for: an account that has signed
// in.
type personalGrant struct {
	objectID string
	scope    string // of the device code
	// home and homeTenant are the account's object ID and tenant at home,
	// which for a guest is elsewhere.
	home, homeTenant string
	// The stamps at the sign-in. When one of them moves, the grant is over.
	refreshTokens, sessions time.Time
	idle                    bool
}

// UserCodes are the codes that the device code endpoint has handed out, which
// a person is to type, oldest first.
func (s *Server) UserCodes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var codes []string
	for _, c := range s.signers.codes {
		codes = append(codes, c.userCode)
	}
	return codes
}

// ApproveDevice is what happens when an account of the directory, named by its
// object ID, types a code that UserCodes tells, signs in and agrees.
func (s *Server) ApproveDevice(userCode, objectID string) error {
	return s.decideDevice(userCode, func(c *deviceCode) error {
		a := s.find(objectID)
		if a == nil {
			return fmt.Errorf("approving a device code: there is no account %s", objectID)
		}
		c.state = codeApproved
		c.grant = &personalGrant{
			scope: c.scope, objectID: a.user.ID, home: a.user.ID, homeTenant: s.config.TenantID,
			refreshTokens: a.user.RefreshTokensValidFrom, sessions: a.user.SignInSessionsValidFrom,
		}
		if a.user.Guest() {
			c.grant.home, c.grant.homeTenant = newGUID(), newGUID()
		}
		return nil
	})
}

// DeclineDevice is what happens when somebody types the code and refuses.
func (s *Server) DeclineDevice(userCode string) error {
	return s.decideDevice(userCode, func(c *deviceCode) error {
		c.state = codeDeclined
		return nil
	})
}

// ExpireDevice ends a code that nobody has typed.
func (s *Server) ExpireDevice(userCode string) error {
	return s.decideDevice(userCode, func(c *deviceCode) error {
		c.expires = time.Time{}
		return nil
	})
}

func (s *Server) decideDevice(userCode string, decide func(*deviceCode) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.signers.codes {
		if c.userCode == userCode && c.state == codePending {
			return decide(c)
		}
	}
	return fmt.Errorf("nobody is waiting for the device code %q", userCode)
}

// SetDeviceCodeLifetime changes how long the codes live that are handed out
// from now on; it was 15 minutes. A client is told whole seconds.
func (s *Server) SetDeviceCodeLifetime(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signers.codeLifetime = d
}

// SlowDown answers the next polls of the token endpoint for a device code with
// slow_down. Microsoft does not list it among its answers; RFC 8628 does.
func (s *Server) SlowDown(polls int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signers.slowDowns = polls
}

// SetPublicClient says whether the application may sign people in without a
// secret, "Allow public client flows" in the portal. It may unless told
// otherwise.
func (s *Server) SetPublicClient(allowed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signers.confidential = !allowed
}

// IdleRefreshTokens makes all refresh tokens as if they had not been used for
// 90 days.
func (s *Server) IdleRefreshTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, grant := range s.signers.grants {
		grant.idle = true
	}
}

// handOutCode is the device code endpoint.
func (s *Server) handOutCode(r *http.Request) answer {
	if denied, ok := s.given(r.PostForm, "client_id", "scope"); !ok {
		return denied
	}
	if denied, ok := s.knownApplication(r.PostForm); !ok {
		return denied
	}
	if denied, ok := s.knownResources(scopesOf(r.PostForm.Get("scope"))); !ok {
		return denied
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lifetime := cmp.Or(s.signers.codeLifetime, defaultCodeLifetime)
	c := &deviceCode{
		code: rand.Text() + rand.Text(), userCode: rand.Text()[:9], expires: s.config.Now().Add(lifetime), scope: r.PostForm.Get("scope"),
	}
	s.signers.codes = append(s.signers.codes, c)
	where := s.AuthorityURL() + "/device"
	return plainAnswer(http.StatusOK, map[string]any{
		"user_code":        c.userCode,
		"device_code":      c.code,
		"verification_uri": where,
		"expires_in":       int(lifetime / time.Second),
		"interval":         5,
		"message":          "To sign in, use a web browser to open the page " + where + " and enter the code " + c.userCode + " to authenticate.",
	})
}

// toDevice is the device code grant: the machine asks whether the person is
// done.
func (s *Server) toDevice(form url.Values) answer {
	if denied, ok := s.given(form, "device_code"); !ok {
		return denied
	}
	grant, kind, code, message := s.redeem(form.Get("device_code"))
	if grant == nil {
		return s.entraError(http.StatusBadRequest, kind, code, message)
	}
	return s.toPerson(grant, form)
}

// redeem returns the grant that a device code has become, or why it has not.
func (s *Server) redeem(value string) (grant *personalGrant, kind, code, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.signers.slowDowns > 0 {
		s.signers.slowDowns--
		return nil, "slow_down", "", "Polling too often."
	}
	at := slices.IndexFunc(s.signers.codes, func(c *deviceCode) bool { return c.code == value })
	if at < 0 {
		return nil, "bad_verification_code", "AADSTS70018", "Invalid verification code."
	}
	switch c := s.signers.codes[at]; {
	case c.state == codeSpent:
		return nil, "invalid_grant", "AADSTS54005", "OAuth2 Authorization code was already redeemed."
	case c.state == codeDeclined:
		return nil, "authorization_declined", "", "The end user denied the authorization request."
	case !s.config.Now().Before(c.expires):
		return nil, "expired_token", "AADSTS70020",
			"The provided value for the input parameter 'device_code' is not valid. This device code has expired."
	case c.state == codePending:
		return nil, "authorization_pending", "AADSTS70016", "OAuth 2.0 device flow error. Authorization is pending. Continue polling."
	default:
		c.state = codeSpent
		return c.grant, "", "", ""
	}
}

// refresh is the refresh token grant. The old refresh token stays good, as
// Entra's do.
func (s *Server) refresh(form url.Values) answer {
	if denied, ok := s.given(form, "refresh_token"); !ok {
		return denied
	}
	s.mu.Lock()
	grant := s.signers.grants[form.Get("refresh_token")]
	s.mu.Unlock()
	if grant == nil {
		return s.entraError(http.StatusBadRequest, "invalid_grant", "AADSTS9002313", "Invalid request. Request is malformed or invalid.")
	}
	return s.toPerson(grant, form)
}

// toPerson gives an account its tokens, if its sign-in still counts.
func (s *Server) toPerson(grant *personalGrant, form url.Values) answer {
	s.mu.Lock()
	if s.signers.confidential {
		s.mu.Unlock()
		return s.noProof()
	}
	a := s.find(grant.objectID)
	var user User
	if a != nil {
		user = a.user.clone()
	}
	s.mu.Unlock()
	refuse := func(code, message string) answer {
		return s.entraError(http.StatusBadRequest, "invalid_grant", code, message)
	}
	switch {
	case a == nil:
		return refuse("AADSTS50034", "The user account does not exist in the directory.")
	case !*user.AccountEnabled:
		return refuse("AADSTS50057", "The user account is disabled.")
	case !user.RefreshTokensValidFrom.Equal(grant.refreshTokens), !user.SignInSessionsValidFrom.Equal(grant.sessions):
		return refuse("AADSTS50173", "The provided grant has expired due to it being revoked, a fresh auth token is needed.")
	case grant.idle:
		return refuse("AADSTS700082", "The refresh token has expired due to inactivity.")
	}

	// A machine that polls need not say the scope again, one that refreshes may.
	scope := cmp.Or(form.Get("scope"), grant.scope)
	if denied, ok := s.knownResources(scopesOf(scope)); !ok {
		return denied
	}
	if denied, ok := s.consented(scopesOf(scope)); !ok {
		return denied
	}
	more := map[string]any{
		"scope":       scope,
		"client_info": segment(map[string]any{"uid": grant.home, "utid": grant.homeTenant}),
	}
	// What was not asked for at the sign-in is not given. Source: "OAuth 2.0 device
	// authorization grant flow", successful authentication response.
	asked := strings.Fields(grant.scope)
	if slices.Contains(asked, "openid") {
		more["id_token"] = s.idToken(user)
	}
	if slices.Contains(asked, "offline_access") {
		refreshToken := rand.Text() + rand.Text()
		s.mu.Lock()
		if s.signers.grants == nil {
			s.signers.grants = map[string]*personalGrant{}
		}
		s.signers.grants[refreshToken] = grant
		s.mu.Unlock()
		more["refresh_token"] = refreshToken
	}
	return s.tokenAnswer(s.newToken(nil, &user), more)
}

// idToken says who signed in. Its signature is none: MSAL does not look at it.
func (s *Server) idToken(user User) string {
	now := s.config.Now()
	return segment(map[string]any{"alg": "none", "typ": "JWT"}) + "." + segment(map[string]any{
		"iss": s.AuthorityURL() + "/" + s.config.TenantID + "/v2.0", "aud": s.config.ClientID, "tid": s.config.TenantID,
		"oid": user.ID, "sub": user.ID, "preferred_username": user.UserPrincipalName, "name": user.DisplayName,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(s.config.TokenLifetime).Unix(),
	}) + "." + base64.RawURLEncoding.EncodeToString([]byte("unsigned"))
}

// segment is JSON as it stands in a JWT.
func segment(value map[string]any) string {
	text, err := json.Marshal(value)
	if err != nil {
		// Every value is a string or a number of this package.
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}
