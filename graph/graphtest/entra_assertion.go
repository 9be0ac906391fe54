package graphtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// FederatedAudience is the audience that Entra proposes for federated
// credentials, and the only one here.
const FederatedAudience = "api://AzureADTokenExchange"

// clockSkew is how far the clock of whoever signs may go wrong.
const clockSkew = 5 * time.Minute

type registeredCertificate struct {
	certificate  *x509.Certificate
	sha1, sha256 string // thumbprints, base64url without padding
}

type trustedAuthority struct {
	root    *x509.Certificate
	subject string
}

type federation struct {
	issuer  *Issuer
	subject string
}

// RegisterCertificate lets the application sign in with the key of a
// certificate, which must be RSA.
func (s *Server) RegisterCertificate(certificate *x509.Certificate) {
	older, newer := sha1.Sum(certificate.Raw), sha256.Sum256(certificate.Raw)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signers.certificates = append(s.signers.certificates, registeredCertificate{
		certificate: certificate,
		sha1:        base64.RawURLEncoding.EncodeToString(older[:]),
		sha256:      base64.RawURLEncoding.EncodeToString(newer[:]),
	})
}

// TrustAuthority lets the application sign in with any certificate that root
// has issued for a subject, by its common name, if the certificate comes along
// in the assertion ("subject name and issuer").
func (s *Server) TrustAuthority(root *x509.Certificate, subject string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signers.authorities = append(s.signers.authorities, trustedAuthority{root, subject})
}

// Issuer signs tokens for workloads, as a Kubernetes cluster does.
type Issuer struct {
	url string
	key *rsa.PrivateKey
}

// NewIssuer makes an issuer with a key of its own. url is its name only;
// nothing is fetched from there.
func NewIssuer(url string) (*Issuer, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("making the issuer's key: %w", err)
	}
	return &Issuer{url: url, key: key}, nil
}

// Token is a signed statement that its bearer is subject.
func (i *Issuer) Token(subject, audience string, expires time.Time) (string, error) {
	header, err := json.Marshal(map[string]any{"alg": "RS256", "typ": "JWT", "kid": "1"})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{
		"iss": i.url, "sub": subject, "aud": []string{audience},
		"exp": expires.Unix(), "iat": expires.Add(-time.Hour).Unix(), "nbf": expires.Add(-time.Hour).Unix(),
	})
	if err != nil {
		return "", err
	}
	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("signing the token: %w", err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// Federate lets whoever the issuer calls subject sign in as the application.
func (s *Server) Federate(issuer *Issuer, subject string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signers.federations = append(s.signers.federations, federation{issuer, subject})
}

// assertion is a JWT by which an application proves who it is.
type assertion struct {
	header struct {
		Algorithm string   `json:"alg"`
		SHA1      string   `json:"x5t"`
		SHA256    string   `json:"x5t#S256"`
		Chain     []string `json:"x5c"`
	}
	claims struct {
		Issuer    string   `json:"iss"`
		Subject   string   `json:"sub"`
		Audience  audience `json:"aud"`
		Expires   int64    `json:"exp"`
		NotBefore int64    `json:"nbf"`
	}
	signed    string
	signature []byte
}

// audience is a string, or a list of them.
type audience []string

func (a *audience) UnmarshalJSON(text []byte) error {
	var one string
	if err := json.Unmarshal(text, &one); err == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(a))
}

func parseAssertion(text string) (*assertion, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, errors.New("a JWT has three parts")
	}
	a := &assertion{signed: parts[0] + "." + parts[1]}
	for i, into := range []any{&a.header, &a.claims} {
		decoded, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(decoded, into); err != nil {
			return nil, err
		}
	}
	var err error
	a.signature, err = base64.RawURLEncoding.DecodeString(parts[2])
	return a, err
}

// signedBy checks the signature.
func (a *assertion) signedBy(public any) bool {
	key, ok := public.(*rsa.PublicKey)
	if !ok {
		return false
	}
	sum := sha256.Sum256([]byte(a.signed))
	switch a.header.Algorithm {
	case "PS256":
		return rsa.VerifyPSS(key, crypto.SHA256, sum[:], a.signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
	case "RS256":
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], a.signature) == nil
	default:
		return false
	}
}

// proven checks the client assertion of a request.
func (s *Server) proven(form url.Values) (denied answer, ok bool) {
	if form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
		return s.entraError(http.StatusBadRequest, "invalid_request", "AADSTS900144",
			"The request body must contain the parameter 'client_assertion_type'."), false
	}
	a, err := parseAssertion(form.Get("client_assertion"))
	if err != nil {
		return s.noClient("AADSTS50027", "JWT token is invalid or malformed.")
	}
	if a.claims.Issuer == s.config.ClientID {
		return s.provenByCertificate(a)
	}
	return s.provenByIssuer(a)
}

// provenByCertificate checks what the application signed itself.
func (s *Server) provenByCertificate(a *assertion) (denied answer, ok bool) {
	now := s.config.Now()
	certificate := s.certificateOf(a, now)
	switch {
	case certificate == nil:
		return s.noClient("AADSTS700027", "The certificate with identifier used to sign the client assertion is not "+
			"registered on application. [Reason - The key was not found., Thumbprint of key used by client: '"+a.header.SHA256+"']")
	case !a.signedBy(certificate.PublicKey):
		return s.noClient("AADSTS700027", "Client assertion failed signature validation. [Reason - The provided signature value did not match the expected signature value.]")
	case now.After(certificate.NotAfter), now.Before(certificate.NotBefore):
		return s.noClient("AADSTS700027", "The certificate with identifier used to sign the client assertion is expired "+
			"on application. [Reason - The key used is expired.]")
	case a.claims.Subject != s.config.ClientID:
		return s.noClient("AADSTS700021", "Client assertion application identifier doesn't match 'client_id' parameter.")
	case !slices.Contains(a.claims.Audience, s.tokenEndpoint()):
		return s.noClient("AADSTS700023", "Client assertion audience claim does not match Realm issuer.")
	}
	return s.inTime(a, now)
}

// certificateOf finds the certificate that an assertion claims to be signed
// with. It may be expired.
func (s *Server) certificateOf(a *assertion, now time.Time) *x509.Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.signers.certificates {
		if c.sha256 == plainBase64(a.header.SHA256) || c.sha1 == plainBase64(a.header.SHA1) {
			return c.certificate
		}
	}
	var chain []*x509.Certificate
	for _, text := range a.header.Chain {
		der, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil
		}
		chain = append(chain, certificate)
	}
	if len(chain) == 0 {
		return nil
	}
	between := x509.NewCertPool()
	for _, certificate := range chain[1:] {
		between.AddCert(certificate)
	}
	for _, authority := range s.signers.authorities {
		roots := x509.NewCertPool()
		roots.AddCert(authority.root)
		_, err := chain[0].Verify(x509.VerifyOptions{
			Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		})
		if err == nil && chain[0].Subject.CommonName == authority.subject {
			return chain[0]
		}
	}
	return nil
}

// plainBase64 takes both alphabets, and padding or none: MSAL writes a
// thumbprint in the one that the standard does not.
func plainBase64(text string) string {
	text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	if text == "" {
		return "none" // is no thumbprint
	}
	return text
}

// provenByIssuer checks what somebody else signed for the application.
func (s *Server) provenByIssuer(a *assertion) (denied answer, ok bool) {
	s.mu.Lock()
	federations := slices.Clone(s.signers.federations)
	s.mu.Unlock()
	federations = slices.DeleteFunc(federations, func(f federation) bool { return f.issuer.url != a.claims.Issuer })
	switch {
	case len(federations) == 0:
		return s.noClient("AADSTS700211", "No matching federated identity record found for presented assertion issuer '"+a.claims.Issuer+"'.")
	case !slices.ContainsFunc(federations, func(f federation) bool { return a.signedBy(&f.issuer.key.PublicKey) }):
		return s.noClient("AADSTS700027", "Client assertion failed signature validation.")
	case !slices.Contains(a.claims.Audience, FederatedAudience):
		return s.noClient("AADSTS700212", "No matching federated identity record found for presented assertion audience.")
	case !slices.ContainsFunc(federations, func(f federation) bool { return f.subject == a.claims.Subject }):
		return s.noClient("AADSTS700213", "No matching federated identity record found for presented assertion subject '"+a.claims.Subject+"'.")
	}
	return s.inTime(a, s.config.Now())
}

// inTime checks the span in which an assertion counts.
func (s *Server) inTime(a *assertion, now time.Time) (denied answer, ok bool) {
	if now.After(time.Unix(a.claims.Expires, 0).Add(clockSkew)) || now.Add(clockSkew).Before(time.Unix(a.claims.NotBefore, 0)) {
		return s.noClient("AADSTS700024", "Client assertion is not within its valid time range.")
	}
	return answer{}, true
}

func (s *Server) noClient(code, message string) (denied answer, ok bool) {
	return s.entraError(http.StatusUnauthorized, "invalid_client", code, message), false
}
