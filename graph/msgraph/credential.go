package msgraph

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// CredentialOptions let a test, or a private cloud, replace Entra. The zero
// value is Microsoft's own, in the cloud that AZURE_CLOUD names.
type CredentialOptions struct {
	// AuthorityHost replaces https://login.microsoftonline.com. It counts for
	// more than AZURE_AUTHORITY_HOST and AZURE_CLOUD.
	AuthorityHost string
	// GraphURL replaces https://graph.microsoft.com as what Login asks for
	// access to.
	GraphURL string
	// Transport carries the requests to Entra; a clone of
	// http.DefaultTransport when nil.
	Transport http.RoundTripper
	// Around, where set, wraps what carries the requests to Entra, to count
	// them. Managed identities and the developers' tools choose their own way
	// and are not wrapped.
	Around func(http.RoundTripper) http.RoundTripper
	// DisableInstanceDiscovery keeps azidentity from asking the public cloud
	// whether it knows AuthorityHost. Needed wherever that is not Microsoft's.
	DisableInstanceDiscovery bool
}

// Credential chooses how the bot signs in, by azidentity's own environment
// variables, and returns the choice's name for the log. It sends nothing.
//
// AZURE_TOKEN_CREDENTIALS names the choice in azidentity's words:
// EnvironmentCredential, WorkloadIdentityCredential, ManagedIdentityCredential,
// AzureCLICredential, AzureDeveloperCLICredential or AzurePowerShellCredential,
// and beyond azidentity's DeviceCodeCredential, for which see Login. Without
// it, or when it is prod, whatever the environment is complete for is used, in
// azidentity's order:
//
//   - a client secret: AZURE_CLIENT_SECRET or AZURE_CLIENT_SECRET_FILE,
//   - a certificate: AZURE_CLIENT_CERTIFICATE_PATH (PEM or PFX), with
//     AZURE_CLIENT_CERTIFICATE_PASSWORD or AZURE_CLIENT_CERTIFICATE_PASSWORD_FILE
//     and AZURE_CLIENT_SEND_CERTIFICATE_CHAIN,
//   - workload identity: AZURE_FEDERATED_TOKEN_FILE,
//   - the managed identity of App Service and its like: IDENTITY_ENDPOINT.
//
// The first three need AZURE_TENANT_ID and AZURE_CLIENT_ID; a managed identity
// is the one of AZURE_CLIENT_ID if that is set. Where nothing of this says
// which, or when AZURE_TOKEN_CREDENTIALS is dev, it is azidentity's default
// chain. azidentity reads some of these from the process's environment; it
// finds there what getenv says, without what is empty and without space around
// a value. How a managed identity is reached (IDENTITY_ENDPOINT, MSI_ENDPOINT
// and the like), and what the developers' tools have kept, it finds by itself.
//
// A setting that is half there is an error that names what is missing, for
// otherwise the chain would go on and sign in as somebody else, or fail much
// later.
//
// The errors of the credential are *graph.Error. It may be used by any number
// of goroutines, none of which waits longer than its context says.
func Credential(getenv func(string) string, options CredentialOptions) (azcore.TokenCredential, string, error) {
	s, err := readSettings(getenv, options)
	if err != nil {
		return nil, "", err
	}
	way, err := s.choose()
	if err != nil {
		return nil, "", err
	}
	var credential azcore.TokenCredential
	if failed := s.asEnvironment(func() { credential, err = way.open(s) }); failed != nil {
		err = failed
	}
	if err != nil {
		return nil, "", fmt.Errorf("setting up the sign-in with %s: %w", way.name, err)
	}
	return newTurns(credential, way), way.name, nil
}

// settings are what the environment says of the sign-in.
type settings struct {
	getenv    func(string) string
	options   CredentialOptions
	tenantID  string
	clientID  string
	authority cloud.Configuration
	graphURL  string
}

func readSettings(getenv func(string) string, options CredentialOptions) (*settings, error) {
	s := &settings{getenv: getenv, options: options}
	s.tenantID, s.clientID = s.variable("AZURE_TENANT_ID"), s.variable("AZURE_CLIENT_ID")
	in, err := CloudByName(s.variable("AZURE_CLOUD"))
	if err != nil {
		return nil, err
	}
	if s.authority, err = s.authorityIn(in); err != nil {
		return nil, err
	}
	s.graphURL = strings.TrimRight(options.GraphURL, "/")
	if s.graphURL == "" {
		s.graphURL = in.GraphURL()
	}
	return s, nil
}

// variable reads a setting without the space or line end that came along when
// it was pasted.
func (s *settings) variable(name string) string { return strings.TrimSpace(s.getenv(name)) }

func (s *settings) set(name string) bool { return s.variable(name) != "" }

// authorityIn is where to sign in to a cloud.
func (s *settings) authorityIn(in Cloud) (cloud.Configuration, error) {
	if s.options.AuthorityHost != "" {
		return cloud.Configuration{ActiveDirectoryAuthorityHost: s.options.AuthorityHost}, nil
	}
	text := s.variable("AZURE_AUTHORITY_HOST")
	if text == "" {
		return in.Authority(), nil
	}
	host := hostOf(text)
	if host == "" {
		return cloud.Configuration{}, fmt.Errorf("AZURE_AUTHORITY_HOST must be https:// and a host name")
	}
	if host == hostOf(in.Authority().ActiveDirectoryAuthorityHost) {
		return in.Authority(), nil
	}
	for _, other := range clouds {
		if host == hostOf(other.Authority().ActiveDirectoryAuthorityHost) {
			return cloud.Configuration{}, fmt.Errorf("AZURE_AUTHORITY_HOST belongs to the cloud %s, but AZURE_CLOUD says %s: "+
				"a token of one cloud does not work in the other", other, in)
		}
	}
	return cloud.Configuration{ActiveDirectoryAuthorityHost: text}, nil
}

// hostOf is the host of an https URL, and empty for anything else.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" {
		return ""
	}
	return strings.ToLower(u.Host)
}

// direct are the options of a credential that azidentity asks alone.
func (s *settings) direct() azcore.ClientOptions {
	transport := s.options.Transport
	if transport == nil {
		transport = defaultTransport()
	}
	if s.options.Around != nil {
		transport = s.options.Around(transport)
	}
	client := s.plain()
	client.Transport = &http.Client{
		Transport: listener{transport},
		// Entra does not redirect; a proxy that does shall not get the secret.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	client.Retry = patience
	return client
}

// plain are the options of a credential that chooses its own transport, and
// knows better how to wait.
func (s *settings) plain() azcore.ClientOptions {
	client := azcore.ClientOptions{Cloud: s.authority}
	if s.options.Transport != nil {
		client.Transport = &http.Client{
			Transport:     s.options.Transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return client
}

func defaultTransport() http.RoundTripper {
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		return t.Clone()
	}
	return http.DefaultTransport
}

// patience is how often and how long Entra is asked. azidentity's defaults
// would try four times and wait up to a minute in between, with somebody
// waiting for the answer.
var patience = policy.RetryOptions{
	MaxRetries:    1,
	TryTimeout:    5 * time.Second,
	RetryDelay:    250 * time.Millisecond,
	MaxRetryDelay: 2 * time.Second,
}
