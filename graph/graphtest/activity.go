package graphtest

import (
	"net/http"
	"time"
)

// signInActivity is the one property of an account that takes a licence and a
// permission of its own. Source: Graph's "user resource type".
const signInActivity = "signInActivity"

// SetPremium says whether the tenant has an Entra ID P1 or P2 licence; it has
// at the start.
func (s *Server) SetPremium(has bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = !has
}

// maySeeSignIns refuses with Graph's two codes for it. The licence comes
// first; which of them does in Graph is not documented.
func (s *Server) maySeeSignIns(v *visit) (denied answer, ok bool) {
	s.mu.Lock()
	free, allowed := s.free, v.may(maySeeSignIns)
	s.mu.Unlock()
	switch {
	case free:
		return s.graphError(v, http.StatusForbidden, "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
			"Neither tenant is B2C or tenant doesn't have premium license"), false
	case !allowed:
		return s.graphError(v, http.StatusForbidden, "Authentication_MSGraphPermissionMissing",
			"Calling principal does not have required MSGraph permissions "+permissionLogs), false
	}
	return answer{}, true
}

// signInActivity is nil, which is to say not answered, for an account that
// never signed in.
func (u User) signInActivity() any {
	if u.LastSignIn.IsZero() && u.LastNonInteractiveSignIn.IsZero() && u.LastSuccessfulSignIn.IsZero() {
		return nil
	}
	activity := map[string]any{}
	for name, at := range map[string]time.Time{
		"lastSignInDateTime":               u.LastSignIn,
		"lastNonInteractiveSignInDateTime": u.LastNonInteractiveSignIn,
		"lastSuccessfulSignInDateTime":     u.LastSuccessfulSignIn,
	} {
		activity[name] = stampOrNull(at)
	}
	for _, name := range []string{"lastSignInRequestId", "lastNonInteractiveSignInRequestId", "lastSuccessfulSignInRequestId"} {
		activity[name] = nil
	}
	return activity
}
