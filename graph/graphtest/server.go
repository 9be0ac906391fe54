package graphtest

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Config says who may sign in. The zero value is ready for use.
type Config struct {
	// TenantID and ClientID are GUIDs; fixed ones when empty.
	TenantID string
	ClientID string
	// ClientSecret is random when empty; Server.Config tells it.
	ClientSecret string
	// Roles are the application permissions that were granted at the start;
	// Grant and Withdraw change them. Nil means all that the double knows a use
	// for: User.RevokeSessions.All, User.Read.All, GroupMember.Read.All,
	// RoleManagement.Read.Directory and AuditLog.Read.All. An empty slice means
	// none.
	Roles []string
	// TokenLifetime is how long a token lives; an hour when zero.
	TokenLifetime time.Duration
	// Now is the clock of stamps, token expiry, replication and records;
	// time.Now when nil.
	Now func() time.Time
	// HTTP2 offers HTTP/2, as the real service does. Without it a Reset cuts
	// the TCP connection; with it, the stream.
	HTTP2 bool
	// Address is where the double listens: an IP address of loopback and a port,
	// "127.0.0.1:443" for example. A free port of 127.0.0.1 when empty.
	Address string
	// AuthorityURL and GraphURL are what clients call the double, where that is not
	// the address at which it listens: "https://login.microsoftonline.com" and
	// "https://graph.microsoft.com" behind a hosts file or a proxy. Each is https, a
	// host and perhaps a port, and no path. Issuers, the endpoints in the OpenID
	// configuration, audiences of assertions and the page for device codes follow the
	// first; audiences of tokens, @odata.context and @odata.nextLink the second. The
	// certificate holds both names. Server.URL when empty.
	AuthorityURL, GraphURL string
	// AppDisplayName is the application's name in readable tokens (app_displayname);
	// "graphtest" when empty.
	AppDisplayName string
}

// The sign-in that an empty Config means.
const (
	DefaultTenantID = "7e4a1d52-0b5f-4c1c-9d43-2f6f0f4b8a10"
	DefaultClientID = "c2b8f1a6-93f4-4f0e-8a55-6d1f3b7c9e24"
)

// ServicePrincipalID is the object ID that the application has in the tenant. It
// holds the role of a Privileged Authentication Administrator until UnassignRole
// takes it away.
const ServicePrincipalID = "5d0c7c1e-3a53-4b8e-9a0e-1f6a4a7b2c33"

// Server is the running double. Its methods may be called from any goroutine.
type Server struct {
	config      Config
	url         string
	authority   string
	graphURL    string
	certificate *x509.Certificate
	http        *http.Server
	client      *http.Client
	done        chan struct{} // closed by Close; ends every wait
	serving     sync.WaitGroup

	mu     sync.Mutex
	closed bool
	users  []*account
	groups []*Group
	roles  []*role
	grants []assignment

	applications []*registration // beside the one of config
	granted      []string        // application permissions
	retired      []string        // actions that Graph no longer has
	free         bool            // the tenant has no premium licence
	tokens       map[string]token
	signers      signers // who may sign in besides the secret's holder
	faults       []*injected
	requests     []*Request
	signIns      []*Request
	posts        []*Post
	unknown      []*Request
	onRequest    func(Request)
	changed      chan struct{}
	lag          time.Duration
	ahead        time.Duration // of the Date headers
	limitUsed    float64
	emptyPages   int  // before the first entry of each list
	readable     bool // tokens tell what they are
}

// Start listens on loopback, with a certificate of its own, and serves until
// Close. It fails when Config names another address or a URL that cannot be one.
func Start(config Config) (*Server, error) {
	config = withDefaults(config)
	address, err := netip.ParseAddrPort(config.Address)
	if err != nil || !address.Addr().IsLoopback() {
		return nil, fmt.Errorf("the address %q in Config is no IP address of loopback with a port", config.Address)
	}
	var names []string
	for _, public := range []string{config.AuthorityURL, config.GraphURL} {
		if public == "" {
			continue
		}
		parsed, err := url.Parse(public)
		if err != nil || parsed.Hostname() == "" || public != "https://"+parsed.Host {
			return nil, fmt.Errorf("the URL %q in Config is not https, a host and perhaps a port", public)
		}
		names = append(names, parsed.Hostname())
	}
	certificate, err := newCertificate(names, address.Addr())
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	listener, err := net.Listen("tcp", config.Address)
	if err != nil {
		return nil, fmt.Errorf("listening on loopback: %w", err)
	}
	at := "https://" + listener.Addr().String()

	roots := x509.NewCertPool()
	roots.AddCert(certificate.Leaf)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(config.HTTP2)

	s := &Server{
		config:      config,
		url:         at,
		authority:   cmp.Or(config.AuthorityURL, at),
		graphURL:    cmp.Or(config.GraphURL, at),
		certificate: certificate.Leaf,
		client: &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots},
			Protocols:       protocols,
		}},
		done:    make(chan struct{}),
		tokens:  map[string]token{},
		granted: slices.Clone(config.Roles),
		roles:   builtIn(),
		grants: []assignment{{
			id: newGUID(), principal: ServicePrincipalID, role: PrivilegedAuthenticationAdministrator,
		}},
		changed: make(chan struct{}),
	}
	s.http = &http.Server{
		Handler:   s,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}},
		Protocols: protocols,
		// A client that hangs up in mid-handshake is what some tests are about.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	s.serving.Go(func() {
		// Serve always ends with an error, and ends because of Close.
		_ = s.http.ServeTLS(listener, "", "")
	})
	return s, nil
}

// Close cuts every connection, ends every wait and returns when nothing of
// the server runs any more. It may be called again.
func (s *Server) Close() {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	if first {
		close(s.done)
	}
	s.mu.Unlock()
	// The error is the listener's and says that it was closed before.
	_ = s.http.Close()
	s.client.CloseIdleConnections()
	s.serving.Wait()
}

// URL is where the double listens, https://127.0.0.1 and a port: Entra and Graph
// at once.
func (s *Server) URL() string { return s.url }

// AuthorityURL is what stands in place of https://login.microsoftonline.com: the
// authority host, without the tenant. It is URL unless Config says otherwise.
func (s *Server) AuthorityURL() string { return s.authority }

// GraphURL is what stands in place of https://graph.microsoft.com: the base
// without a version. It is URL unless Config says otherwise.
func (s *Server) GraphURL() string { return s.graphURL }

// Config is what the server was started with, defaults filled in but for the two
// URLs: who signs in with it, may.
func (s *Server) Config() Config { return s.config }

// Certificate is the server's own, self-signed certificate.
func (s *Server) Certificate() *x509.Certificate { return s.certificate }

// CertPEM is Certificate for a file or for SSL_CERT_FILE.
func (s *Server) CertPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.certificate.Raw})
}

// Client is an HTTP client that trusts the server.
func (s *Server) Client() *http.Client { return s.client }

func withDefaults(config Config) Config {
	if config.TenantID == "" {
		config.TenantID = DefaultTenantID
	}
	if config.ClientID == "" {
		config.ClientID = DefaultClientID
	}
	if config.ClientSecret == "" {
		config.ClientSecret = rand.Text()
	}
	if config.Roles == nil {
		config.Roles = []string{permissionRevoke, permissionUsers, permissionGroups, permissionRoles, permissionLogs}
	}
	if config.TokenLifetime == 0 {
		config.TokenLifetime = time.Hour
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	config.Address = cmp.Or(config.Address, "127.0.0.1:0")
	config.AppDisplayName = cmp.Or(config.AppDisplayName, "graphtest")
	return config
}

// newCertificate makes a key and a certificate that is its own authority, for
// loopback, the address listened on, and further names. Its validity follows the machine's clock, because
// that is what clients check.
func newCertificate(names []string, at netip.Addr) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: "graphtest"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(1, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback, at.AsSlice()},
		DNSNames:              []string{"localhost"},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

// enter counts a handler in, unless the server is closing.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.serving.Add(1)
	return true
}

// ServeHTTP records the request, lets a fault have its way with it, and
// otherwise carries it out and answers.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		panic(http.ErrAbortHandler)
	}
	defer s.serving.Done()

	// The body is small and is needed after a wait, when it may be gone.
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))

	visit := s.arrive(r)
	defer s.leave(visit)

	fault, found := s.nextFault(r, visit.entra)
	if !found {
		visit.answer(w, s.carryOut(r, visit))
		return
	}
	s.fail(w, r, visit, fault)
}

// carryOut does what was asked and returns the answer to it.
func (s *Server) carryOut(r *http.Request, visit *visit) answer {
	if visit.entra {
		return s.entra(r, visit)
	}
	switch metadataAsked(r) {
	case "none":
		return s.graph(r, visit).withoutMetadata()
	case "full":
		return s.unmodelled(visit)
	}
	return s.graph(r, visit)
}
