package msgraph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	khttp "github.com/microsoft/kiota-http-go"
	jsonserialization "github.com/microsoft/kiota-serialization-json-go"
	msgraphcore "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go-core/authentication"

	"revoke-sessions/graph"
)

// callLimit ends a call, sign-in included, whose caller set no earlier end.
const callLimit = 30 * time.Second

// The version of Graph, the only one with invalidateAllRefreshTokens, and the
// SDK's own, which it reports to Graph and which go.mod fixes.
const (
	graphVersion = "beta"
	sdkVersion   = "0.160.0"
)

// Config says how to reach Graph. Only Credential is required.
type Config struct {
	// Credential gets the tokens; see Credential.
	Credential azcore.TokenCredential
	// Cloud is whose Graph is called; the public one when zero. The credential
	// must sign in at its Authority.
	Cloud Cloud
	// GraphURL replaces the cloud's address of Graph. A version is not part of
	// it.
	GraphURL string
	// Transport carries the requests to Graph, not those to Entra. Nil means a
	// clone of http.DefaultTransport, which honours the proxy environment. One
	// that does not call httptrace's hooks costs precision: a failed dial then
	// counts as unknown.
	Transport http.RoundTripper
	// Operation is what Revoke does; graph.InvalidateAllRefreshTokens when
	// empty. Both actions are called in Graph beta.
	Operation graph.Operation
	// Fallback is what Revoke does when Operation is gone or not permitted.
	// Empty means that it then fails; otherwise it can only be
	// graph.RevokeSignInSessions, after graph.InvalidateAllRefreshTokens.
	Fallback graph.Operation
	// Delegated says that the credential signs a person in. What is not
	// permitted then depends on that person's roles, and another operation is
	// no way around them, so that there is no fallback from a 403. A person's
	// sign-in by device code, and a token that says so of itself, need not be
	// announced.
	Delegated bool
	// Limits, where set, is told what each answer of Graph's says of its limits,
	// from any goroutine.
	Limits func(graph.Limit)
}

// Client calls Graph. Its methods may be called from any goroutine. Every
// error they return is a *graph.Error.
type Client struct {
	operation graph.Operation
	fallback  graph.Operation
	delegated bool
	adapter   *msgraphcore.GraphRequestAdapterBase
	transport http.RoundTripper
	wire      *wire
	roles     knownRoles
}

// New sets a client up. It sends nothing.
func New(config Config) (*Client, error) {
	if config.Credential == nil {
		return nil, errors.New("setting up Microsoft Graph: a credential is missing")
	}
	if config.Operation == "" {
		config.Operation = graph.InvalidateAllRefreshTokens
	}
	if err := checkOperations(config.Operation, config.Fallback); err != nil {
		return nil, fmt.Errorf("setting up Microsoft Graph: %w", err)
	}
	if config.GraphURL == "" {
		config.GraphURL = config.Cloud.GraphURL()
	}
	base, err := host(config.GraphURL)
	if err != nil {
		return nil, fmt.Errorf("setting up Microsoft Graph: %w", err)
	}
	if config.Transport == nil {
		config.Transport = khttp.GetDefaultTransport() // a clone, where it can be cloned
	}

	w := &wire{next: config.Transport, host: base.Host, limits: config.Limits}
	adapter, err := newAdapter(config, base, w)
	if err != nil {
		return nil, fmt.Errorf("setting up Microsoft Graph: %w", err)
	}
	return &Client{
		operation: config.Operation,
		fallback:  config.Fallback,
		delegated: config.Delegated,
		adapter:   adapter,
		transport: config.Transport,
		wire:      w,
	}, nil
}

// checkOperations refuses what Revoke cannot do. Falling back to the action
// that Microsoft will not keep makes no sense, nor does one's own fallback.
func checkOperations(operation, fallback graph.Operation) error {
	switch operation {
	case graph.InvalidateAllRefreshTokens, graph.RevokeSignInSessions:
	default:
		return fmt.Errorf("unknown operation %q: it is %s or %s",
			operation, graph.InvalidateAllRefreshTokens, graph.RevokeSignInSessions)
	}
	if fallback != "" && (operation != graph.InvalidateAllRefreshTokens || fallback != graph.RevokeSignInSessions) {
		return fmt.Errorf("%s cannot fall back to %q: only %s can, to %s",
			operation, fallback, graph.InvalidateAllRefreshTokens, graph.RevokeSignInSessions)
	}
	return nil
}

// Close ends idle connections. The client may be used again.
func (c *Client) Close() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// newAdapter does what the SDK's root package does, with an explicit list of
// middleware in place of kiota's defaults, whose order is random from one
// process to the next, and which retry, follow redirects, compress bodies and
// rewrite /users/me-token-to-replace to /me.
func newAdapter(config Config, base *url.URL, w *wire) (*msgraphcore.GraphRequestAdapterBase, error) {
	options := msgraphcore.GraphClientOptions{
		GraphServiceVersion:        graphVersion,
		GraphServiceLibraryVersion: sdkVersion,
	}
	client := &http.Client{
		Transport: khttp.NewCustomTransportWithParentTransport(
			w,
			msgraphcore.NewGraphTelemetryHandler(&options), // sets client-request-id
			khttp.NewParametersNameDecodingHandler(),       // %24select to $select
			khttp.NewUserAgentHandler(),
		),
		// No Timeout: every call has a context with an end.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	// To a host that is not named here, kiota sends the request without a token.
	tokens, err := authentication.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(
		signIn{config.Credential}, []string{base.String() + "/.default"}, []string{base.Hostname()})
	if err != nil {
		return nil, err
	}
	// Factories passed here keep the SDK from its process-wide registries.
	adapter, err := msgraphcore.NewGraphRequestAdapterBaseWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		tokens, options, jsonserialization.NewJsonParseNodeFactory(),
		jsonserialization.NewJsonSerializationWriterFactory(), client)
	if err != nil {
		return nil, err
	}
	adapter.SetBaseUrl(base.String() + "/" + graphVersion)
	return adapter, nil
}

// parameters are what a request builder needs. The SDK writes to the map, so
// that each call makes its own, and its own builder: one shared by two
// goroutines ends the process with "concurrent map writes".
func (c *Client) parameters(objectID string) map[string]string {
	p := map[string]string{"baseurl": c.adapter.GetBaseUrl()}
	if objectID != "" {
		p["user%2Did"] = objectID
	}
	return p
}

// call runs do, which is to send exactly one method and path, and returns what
// went over the wire beside do's error. A panic in the SDK becomes an error.
func (c *Client) call(ctx context.Context, method, path string, do func(context.Context) error) (*exchange, error) {
	x := &exchange{method: method, path: "/" + graphVersion + path}
	return x, c.send(ctx, x, do)
}

// send is call with an exchange that holds more than method and path.
func (c *Client) send(ctx context.Context, x *exchange, do func(context.Context) error) error {
	// Cancelling frees what the SDK leaves behind.
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	err := surviving(func() error { return do(context.WithValue(ctx, exchangeKey{}, x)) })
	if x.ended = ctx.Err(); x.ended == nil && err != nil {
		// The deadline of a transport or a credential of its own.
		x.ended = cutShort(err)
	}
	return err
}

// errPanic stands for a panic in the SDK, whose value may hold anything and is
// dropped.
var errPanic = errors.New("the Graph SDK panicked")

func surviving(do func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = errPanic
		}
	}()
	return do()
}
