package msgraph_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
	"revoke-sessions/graph/msgraph"
)

// TestRenewalThatHangsHoldsNobodyUp: Entra has told the bot to renew its token
// and then does not answer. What the bot has is good, and is used.
func TestRenewalThatHangsHoldsNobodyUp(t *testing.T) {
	d := newDelegated(t)
	d.SetRefreshIn(-time.Second)
	d.logIn(t)
	for name, credential := range map[string]azcore.TokenCredential{
		"secret": credentialFor(t, d.Server, d.Config().ClientSecret),
		"device": d.credential,
	} {
		t.Run(name, func(t *testing.T) {
			client, err := msgraph.New(msgraph.Config{Credential: credential, GraphURL: d.GraphURL(), Transport: d.Client().Transport})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.User(t.Context(), d.carol.ID); err != nil {
				t.Fatal(err)
			}
			defer d.Inject(graphtest.Fault{Entra: true, PathSuffix: "/token", Hang: true})()
			asked := len(d.SignIns())
			for range 3 {
				began := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second) // as the bot's
				done, err := client.Revoke(ctx, d.carol.ID)
				cancel()
				if err != nil || done.Status == 0 || time.Since(began) > 5*time.Second {
					t.Errorf("%+v, %v after %v", done, err, time.Since(began))
				}
			}
			if n := len(d.SignIns()) - asked; n != 1 {
				t.Errorf("Entra was asked %d times", n)
			}
		})
	}
}

// renewing is a credential whose token is to be renewed from the start, and can
// be only when Entra answers.
type renewing struct {
	asked    []time.Time
	answers  bool
	keepsOld bool // and gives it out again, as MSAL does for an application
	token    string
	err      error // in place of waiting
}

func (r *renewing) GetToken(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
	r.asked = append(r.asked, time.Now())
	token := azcore.AccessToken{Token: r.token, ExpiresOn: time.Now().Add(time.Hour), RefreshOn: time.Now().Add(-time.Minute)}
	switch {
	case r.answers:
		r.token += "+"
		token.Token = r.token
		return token, nil
	case r.err != nil:
	default:
		<-ctx.Done()
	}
	if r.keepsOld {
		return token, nil
	}
	if r.err != nil {
		return azcore.AccessToken{}, r.err
	}
	return azcore.AccessToken{}, ctx.Err()
}

func TestRenewalIsBoundedAndRests(t *testing.T) {
	for name, row := range map[string]struct {
		inner renewing
		limit time.Duration // of the call; 0 for none
		waits time.Duration
	}{
		"hangs":                  {renewing{}, 0, 2 * time.Second},
		"hangs, old one given":   {renewing{keepsOld: true}, 0, 2 * time.Second},
		"little time":            {renewing{}, 4 * time.Second, time.Second},
		"little time, old one":   {renewing{keepsOld: true}, 4 * time.Second, time.Second},
		"much time":              {renewing{}, time.Minute, 2 * time.Second},
		"refused, old one given": {renewing{keepsOld: true, err: errors.New("x")}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner := &row.inner
				inner.answers = true
				credential := msgraph.NewTurns(inner)
				first, err := credential.GetToken(t.Context(), forGraph)
				if err != nil {
					t.Fatal(err)
				}
				inner.answers = false
				call := func(want string) time.Duration {
					t.Helper()
					ctx := t.Context()
					if row.limit > 0 {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, row.limit)
						defer cancel()
					}
					began := time.Now()
					token, err := credential.GetToken(ctx, forGraph)
					if err != nil || token.Token != want {
						t.Errorf("%q, want %q: %v", token.Token, want, err)
					}
					return time.Since(began)
				}
				if waited := call(first.Token); waited != row.waits {
					t.Errorf("waited %v, want %v", waited, row.waits)
				}
				time.Sleep(29 * time.Second)
				if waited := call(first.Token); waited != 0 || len(inner.asked) != 2 {
					t.Errorf("while it rests: waited %v, asked %d times", waited, len(inner.asked))
				}
				time.Sleep(2 * time.Second)
				inner.answers = true
				if call(first.Token + "+"); len(inner.asked) != 3 {
					t.Errorf("afterwards: asked %d times", len(inner.asked))
				}
			})
		})
	}
}

// TestRenewalRestHoldsNoRefusedTokenBack: what Graph has refused is no token in
// hand, and neither is one that is about to end.
func TestRenewalRestHoldsNoRefusedTokenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &renewing{answers: true}
		credential := msgraph.NewTurns(inner)
		_, _ = credential.GetToken(t.Context(), forGraph)
		inner.answers = false
		_, _ = credential.GetToken(t.Context(), forGraph) // the rest begins

		inner.answers = true
		claims := forGraph
		claims.Claims = "{}"
		if token, err := credential.GetToken(t.Context(), claims); err != nil || token.Token != "++" {
			t.Errorf("%q, %v", token.Token, err)
		}
		inner.answers = false
		time.Sleep(time.Hour - 30*time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		token, err := credential.GetToken(ctx, forGraph)
		if e := wantError(t, err); e.Code != graph.CodeSignInUnreachable || time.Since(began) != 10*time.Second {
			t.Errorf("%q, %+v after %v", token.Token, e, time.Since(began))
		}
	})
}

// TestRenewalRefusedIsNoOutage: a person who was signed out is signed out, though
// their last token lives.
func TestRenewalRefusedIsNoOutage(t *testing.T) {
	d := newDelegated(t)
	d.SetRefreshIn(-time.Second)
	d.logIn(t)
	if _, err := getToken(t.Context(), d.credential, d.Server); err != nil {
		t.Fatal(err)
	}
	d.Inject(graphtest.Fault{Entra: true, PathSuffix: "/token", Status: 400, Code: "AADSTS50173"})
	for range 2 {
		_, err := getToken(t.Context(), d.credential, d.Server)
		if e := wantError(t, err); e.Code != "AADSTS50173" || !strings.Contains(e.Remedy, "login again") {
			t.Errorf("%+v", e)
		}
	}
}
