package msgraph_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
	"revoke-sessions/graph/msgraph"
)

// slow is a credential that answers when it is told to.
type slow struct {
	asked  chan policy.TokenRequestOptions
	answer chan azcore.AccessToken
}

func newSlow() slow {
	return slow{make(chan policy.TokenRequestOptions), make(chan azcore.AccessToken)}
}

func (s slow) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	s.asked <- options
	select {
	case token := <-s.answer:
		return token, nil
	case <-ctx.Done():
		return azcore.AccessToken{}, ctx.Err()
	}
}

// asking gets a token in the background.
func asking(ctx context.Context, credential azcore.TokenCredential, options policy.TokenRequestOptions) <-chan string {
	came := make(chan string, 1)
	go func() {
		token, err := credential.GetToken(ctx, options)
		if err != nil {
			token.Token = err.Error()
		}
		came <- token.Token
	}()
	return came
}

func received[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case value := <-c:
		return value
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

var forGraph = policy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/.default"}, EnableCAE: true}

func TestNobodyWaitsBeyondTheirOwnEnd(t *testing.T) {
	inner := newSlow()
	credential := msgraph.NewTurns(inner)
	first := asking(t.Context(), credential, forGraph)
	received(t, inner.asked)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := credential.GetToken(ctx, forGraph)
	if e := wantError(t, err); !errors.Is(e, context.Canceled) || e.Code != graph.CodeSignInUnreachable || !e.Retryable {
		t.Errorf("%+v", e)
	}
	inner.answer <- azcore.AccessToken{Token: "one"}
	if got := received(t, first); got != "one" {
		t.Errorf("the first got %q", got)
	}
}

func TestALivingTokenServesMeanwhile(t *testing.T) {
	inner := newSlow()
	credential := msgraph.NewTurns(inner)
	first := asking(t.Context(), credential, forGraph)
	received(t, inner.asked)
	inner.answer <- azcore.AccessToken{Token: "one", ExpiresOn: time.Now().Add(time.Hour)}
	received(t, first)

	// Somebody asks anew, and Entra takes its time.
	renewal := asking(t.Context(), credential, forGraph)
	received(t, inner.asked)
	if token, err := credential.GetToken(t.Context(), forGraph); err != nil || token.Token != "one" {
		t.Errorf("%q, %v", token.Token, err)
	}
	// That one is no use to whom Graph has refused it, or who wants another.
	claims, other, plain := forGraph, forGraph, forGraph
	claims.Claims, other.Scopes, plain.EnableCAE = "{}", []string{"https://x.example/.default"}, false
	for _, options := range []policy.TokenRequestOptions{claims, other, plain} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if token, err := credential.GetToken(ctx, options); err == nil {
			t.Errorf("%+v got %q", options, token.Token)
		}
	}
	inner.answer <- azcore.AccessToken{Token: "two", ExpiresOn: time.Now().Add(30 * time.Second)}
	if got := received(t, renewal); got != "two" {
		t.Errorf("%q", got)
	}

	// A token that is about to end serves nobody.
	renewal = asking(t.Context(), credential, forGraph)
	received(t, inner.asked)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if token, err := credential.GetToken(ctx, forGraph); err == nil {
		t.Errorf("got %q", token.Token)
	}
	inner.answer <- azcore.AccessToken{Token: "three"}
	received(t, renewal)
}

// TestAHangingEntraHoldsUpOnlyWhoWaitsForIt is the same through azidentity,
// for each kind that keeps a mutex of its own.
func TestAHangingEntraHoldsUpOnlyWhoWaitsForIt(t *testing.T) {
	d := newDelegated(t, func(c *graphtest.Config) { c.TokenLifetime = time.Minute / 2 })
	d.logIn(t)
	for name, credential := range map[string]azcore.TokenCredential{
		"secret": credentialFor(t, d.Server, d.Config().ClientSecret),
		"device": d.credential,
	} {
		t.Run(name, func(t *testing.T) {
			clear := d.Inject(graphtest.Fault{Entra: true, PathSuffix: "/token", Hang: true})
			defer clear()
			before := len(d.SignIns())
			patient, giveUp := context.WithCancel(t.Context())
			first := asking(patient, credential, forGraph)
			for changed := d.Changed(); len(d.SignIns()) == before; changed = d.Changed() {
				received(t, changed)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			start := time.Now()
			_, err := getToken(ctx, credential, d.Server)
			if e := wantError(t, err); !errors.Is(e, context.Canceled) || time.Since(start) > 2*time.Second {
				t.Errorf("%+v after %v", e, time.Since(start))
			}
			giveUp()
			received(t, first)
		})
	}
}
