package msgraph

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"revoke-sessions/graph"
)

// maxBody is the longest answer that is read. One account takes some hundred
// bytes; the longest page, 999 groups whose names are as long as Entra allows
// and escaped, takes less than 2 MiB.
const maxBody = 2 << 20

// exchange is what one call put on the wire and what came back: the facts by
// which the call is judged, whatever the SDK makes of them. When the SDK sends
// again, after a challenge for a new token, the last time counts: the first
// was answered with 401 and did nothing.
type exchange struct {
	// method and path are all that this call may send.
	method, path string
	// extra are the caller's headers. They are put in here, because the SDK
	// sends several values of one header in random order and each value once.
	extra http.Header

	// dialed says that the transport looked for a connection and tells of it;
	// connected, that it had one.
	dialed, connected atomic.Bool
	// reached says that the request was given to the transport at all.
	reached bool
	// ends is the object ID of the account whose sessions the request ends;
	// empty for a request that ends none.
	ends string
	// person is the object ID of the person whose the token is: by the record
	// of a sign-in, or else as far as it can be read.
	person string
	// delegated says that the token is a person's, as far as it can be told.
	delegated bool

	clientRequestID string
	status          int // 0: no answer
	header          http.Header
	shown           http.Header // header, without what could sign anybody in
	body            []byte
	answeredAt      time.Time
	// ended is the context's error, when the call was cut short.
	ended error
}

type exchangeKey struct{}

// errHeldBack is a request that was not let out.
var errHeldBack = errors.New("the request was held back")

// errOwnAccount is a revoke of the account whose token it goes with. The check
// is made on the very token that would be sent, for the person who is signed in
// may change while the bot runs.
var errOwnAccount = fmt.Errorf("%w: it would end the sessions of the account with which the bot signs in", errHeldBack)

// neverLeft reports whether it is certain that Graph did not get the request.
func (x *exchange) neverLeft() bool {
	return x.status == 0 && (!x.reached || x.dialed.Load() && !x.connected.Load())
}

// checkMemberGroups is the one POST that only asks.
const checkMemberGroups = "checkMemberGroups"

// reads reports whether the request changes nothing, so that it may be
// repeated.
func (x *exchange) reads() bool {
	return x.method == http.MethodGet || strings.HasSuffix(x.path, "/"+checkMemberGroups)
}

// wire is the last thing before the network. It lets nothing out that the call
// did not announce or that carries no token, and notes what happens.
type wire struct {
	next http.RoundTripper
	host string
	// person is the exchange's, of the last request.
	person atomic.Pointer[string]
	// holder is the object ID of whoever the last request's token is for, an
	// app's own one included; empty where it does not tell.
	holder atomic.Pointer[string]
	// limits, where set, is told what each answer says of Graph's limits.
	limits func(graph.Limit)
}

// RoundTrip reads the whole answer itself, so that no connection stays behind
// however the SDK treats the body.
func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	x, ok := request.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return nil, fmt.Errorf("%w: it belongs to no call", errHeldBack)
	}
	if err := w.check(request, x); err != nil {
		return nil, err
	}
	_, token, _ := strings.Cut(request.Header.Get("Authorization"), " ")
	said, _ := readClaims(token)
	person := cmp.Or(said.person(), x.person)
	w.person.Store(&person)
	holder := cmp.Or(said.holder(), x.person)
	w.holder.Store(&holder)
	if x.ends != "" && x.ends == person {
		return nil, errOwnAccount
	}

	// A process that was stopped on its way here wakes up before its timers do.
	// What was to leave by then must not leave later: somebody else may have
	// taken over since.
	if end, ok := request.Context().Deadline(); ok && !time.Now().Before(end) {
		return nil, fmt.Errorf("too late to be sent: %w", context.DeadlineExceeded)
	}

	x.reached, x.status, x.header, x.shown, x.body = true, 0, nil, nil, nil
	x.dialed.Store(false)
	x.connected.Store(false)
	x.clientRequestID = request.Header.Get("client-request-id")
	traced := httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{
		GetConn: func(string) { x.dialed.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { x.connected.Store(true) },
	})
	request = request.Clone(traced)
	if p := x.priority(traced); p != "" {
		request.Header.Set(headerPriority, p)
	}
	for name, values := range x.extra {
		request.Header[name] = values
	}
	x.delegated = person != "" || said.delegated()
	response, err := w.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}

	x.status, x.header, x.shown = response.StatusCode, response.Header, redacted(response.Header, token)
	if w.limits != nil {
		w.limits(x.limit())
	}
	body, err := read(traced, response.Body)
	if err != nil {
		return nil, err
	}
	x.body, x.answeredAt = body, time.Now()
	response.Body = io.NopCloser(bytes.NewReader(body))
	response.ContentLength = int64(len(body))
	return response, nil
}

// check holds back what must not leave.
func (w *wire) check(request *http.Request, x *exchange) error {
	switch {
	case request.Method != x.method || request.URL.EscapedPath() != x.path ||
		request.URL.Scheme != "https" || request.URL.Host != w.host:
		return fmt.Errorf("%w: this call did not announce it", errHeldBack)
	case request.Header.Get("Authorization") == "":
		// kiota does this when it does not know the host.
		return fmt.Errorf("%w: it has no token", errHeldBack)
	default:
		return nil
	}
}

func read(ctx context.Context, body io.ReadCloser) ([]byte, error) {
	defer body.Close()
	content, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("reading the answer: %w", err)
	case len(content) > maxBody:
		return nil, fmt.Errorf("reading the answer: longer than %d bytes", maxBody)
	default:
		return content, nil
	}
}
