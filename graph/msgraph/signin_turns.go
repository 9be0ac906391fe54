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

const (
	// spareLife is how long a token must still live to be used while there is
	// no new one to be had. A call to Graph takes less.
	spareLife = time.Minute
	// renewalWait is how long a call waits for a new token while the last one
	// still lives, and renewalShare the part of the call's time that it gives
	// to that, whichever is shorter: Entra tells the bot to renew a token long
	// before its end, and may not answer.
	renewalWait  = 2 * time.Second
	renewalShare = 4
	// renewalRest is how long the last token is used after that did not work,
	// before Entra is asked again.
	renewalRest = 30 * time.Second
)

// turns is the credential that Credential returns: azidentity's, asked by one
// caller at a time. azidentity would do the same with a mutex, in which a
// caller waits beyond its own deadline for whoever came first. Here it waits
// no longer than its context says, and not at all while there is a token that
// still lives. Who asks Entra for a new one while the last still lives waits for
// a moment only, and then takes the last.
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
	// rests is until when the last token is used without asking for another.
	rests atomic.Pointer[time.Time]
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
	if spare, ok := t.spare(options); ok && t.resting() {
		return spare.to(ctx), nil
	}
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
	return t.ask(ctx, options)
}

// ask is GetToken of the one whose turn it is.
func (t *turns) ask(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	asking := ctx
	before, hasSpare := t.spare(options)
	if hasSpare {
		wait := renewalWait
		if end, ok := ctx.Deadline(); ok {
			wait = min(wait, time.Until(end)/renewalShare)
		}
		var cancel context.CancelFunc
		asking, cancel = context.WithTimeout(ctx, wait)
		defer cancel()
	}
	hearing, h := listening(asking)
	token, err := t.inner.GetToken(hearing, options)
	if err == nil {
		got := &issued{options: options, token: token}
		if d, ok := t.inner.(*device); ok {
			got.person, got.record = d.person, d.record
		}
		t.last.Store(got)
		if hasSpare && token.Token == before.token.Token && renewalDue(token) {
			t.rest() // azidentity could not renew it, and keeps that to itself
		}
		return got.to(ctx), nil
	}
	if !t.listens {
		h = nil
	}
	e := asSignInError(asking, err, h)
	if e.code == graph.CodeSignInFailed && e.remedy == "" {
		e.remedy = t.remedy
	}
	if spare, ok := t.spare(options); ok && e.retryable {
		// MSAL renews a person's token before its time, and when it cannot,
		// forgets that the old one is still good.
		if ctx.Err() == nil {
			t.rest()
		}
		return spare.to(ctx), nil
	}
	return azcore.AccessToken{}, e.asGraphError()
}

// renewalDue reports whether Entra has asked for a new token by now.
func renewalDue(token azcore.AccessToken) bool {
	return !token.RefreshOn.IsZero() && !time.Now().Before(token.RefreshOn)
}

func (t *turns) rest() {
	until := time.Now().Add(renewalRest)
	t.rests.Store(&until)
}

func (t *turns) resting() bool {
	until := t.rests.Load()
	return until != nil && time.Now().Before(*until)
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
