package msgraph

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"revoke-sessions/graph"
)

// spareLife is how long a token must still live to be used while there is no
// new one to be had. A call to Graph takes less.
const spareLife = time.Minute

// turns is the credential that Credential returns: azidentity's, asked by one
// caller at a time. azidentity would do the same with a mutex, in which a
// caller waits beyond its own deadline for whoever came first. Here it waits
// no longer than its context says, and not at all while there is a token that
// still lives.
//
// Its errors are *graph.Error and hold nothing that Entra answered.
type turns struct {
	inner azcore.TokenCredential
	// listens says that inner's requests go through a listener, or that it
	// sends none, so that an empty heard means that nothing was sent.
	listens bool
	// remedy is what to do when no token came and nothing tells why; empty
	// means graph.Remedy's.
	remedy string
	turn   chan struct{} // holds an element while somebody asks
	last   atomic.Pointer[issued]
}

// issued is a token, what was asked for, and where inner is a person's sign-in,
// the object ID of that person and the record that it was got with.
type issued struct {
	options policy.TokenRequestOptions
	token   azcore.AccessToken
	person  string
	record  []byte
}

// to hands the token out, and tells the call that it is for whose it is.
func (i *issued) to(ctx context.Context) azcore.AccessToken {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		x.person = i.person
	}
	return i.token
}

func newTurns(inner azcore.TokenCredential, w way) *turns {
	return &turns{inner: inner, listens: w.listens, remedy: w.remedy, turn: make(chan struct{}, 1)}
}

func (t *turns) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	select {
	case t.turn <- struct{}{}:
	default:
		if spare, ok := t.spare(options); ok {
			return spare.to(ctx), nil
		}
		select {
		case t.turn <- struct{}{}:
		case <-ctx.Done():
			return azcore.AccessToken{}, ranOut(ctx).asGraphError()
		}
	}
	defer func() { <-t.turn }()

	hearing, h := listening(ctx)
	token, err := t.inner.GetToken(hearing, options)
	if err == nil {
		got := &issued{options: options, token: token}
		if d, ok := t.inner.(*device); ok {
			got.person, got.record = d.person, d.record
		}
		t.last.Store(got)
		return got.to(ctx), nil
	}
	if !t.listens {
		h = nil
	}
	e := asSignInError(ctx, err, h)
	if e.code == graph.CodeSignInFailed && e.remedy == "" {
		e.remedy = t.remedy
	}
	if spare, ok := t.spare(options); ok && e.retryable {
		// MSAL renews a person's token before its time, and when it cannot,
		// forgets that the old one is still good.
		return spare.to(ctx), nil
	}
	return azcore.AccessToken{}, e.asGraphError()
}

// spare is the last token, if it is what is asked for and lives long enough.
// Claims are asked for because Graph refused the last one. Once somebody else is
// signed in, the bot no longer works in the name of who was.
func (t *turns) spare(options policy.TokenRequestOptions) (*issued, bool) {
	last := t.last.Load()
	if last == nil || options.Claims != "" || last.options.EnableCAE != options.EnableCAE ||
		last.options.TenantID != options.TenantID || !slices.Equal(last.options.Scopes, options.Scopes) ||
		time.Until(last.token.ExpiresOn) < spareLife {
		return nil, false
	}
	if d, ok := t.inner.(*device); ok && !d.keeps(last.record) {
		return nil, false
	}
	return last, true
}
