package graphtest_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"revoke-sessions/graph/graphtest"
)

// proof is what an application signs, before it is signed.
type proof struct {
	header, claims map[string]any
	key            *rsa.PrivateKey
}

func (p proof) sign(t *testing.T) string {
	t.Helper()
	encode := func(value any) string {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	signed := encode(p.header) + "." + encode(p.claims)
	sum := sha256.Sum256([]byte(signed))
	var signature []byte
	var err error
	if p.header["alg"] == "PS256" {
		signature, err = rsa.SignPSS(rand.Reader, p.key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		signature, err = rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, sum[:])
	}
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// newSigner makes a certificate that the session's clock is within.
func newSigner(t *testing.T, s *session, name string) (*x509.Certificate, *rsa.PrivateKey) {
	t.Helper()
	return newKeyPair(t, name, s.clock.Now())
}

// newKeyPair makes a certificate and its key, good from an hour before now to a day after.
func newKeyPair(t *testing.T, name string, now time.Time) (*x509.Certificate, *rsa.PrivateKey) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

func (s *session) assertionForm(assertion string) url.Values {
	form := s.tokenForm()
	form.Del("client_secret")
	form.Set("client_assertion", assertion)
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	return form
}

// tokenCode asks for a token and returns the AADSTS number of the refusal, or
// OAuth's word where there is none, or "" and the answer.
func (s *session) tokenCode(form url.Values) (string, map[string]any) {
	s.t.Helper()
	r := s.postForm(s.Config().TenantID, form)
	body := r.json(s.t)
	if r.status == http.StatusOK {
		return "", body
	}
	description, _ := body["error_description"].(string)
	if code, _, ok := strings.Cut(description, ": "); ok && strings.HasPrefix(code, "AADSTS") {
		return code, body
	}
	kind, _ := body["error"].(string)
	return kind, body
}

func TestCertificates(t *testing.T) {
	s := start(t)
	mine, key := newSigner(t, s, "bot")
	_, otherKey := newSigner(t, s, "other")
	chained, chainedKey := newSigner(t, s, "bot.contoso.example")
	stranger, strangerKey := newSigner(t, s, "stranger.example")
	s.RegisterCertificate(mine)
	s.TrustAuthority(chained, "bot.contoso.example")
	s.TrustAuthority(stranger, "bot.contoso.example")
	thumbprint := func(c *x509.Certificate) string {
		sum := sha256.Sum256(c.Raw)
		return base64.StdEncoding.EncodeToString(sum[:])
	}
	for name, row := range map[string]struct {
		change func(*proof)
		later  time.Duration
		code   string
	}{
		"good":                {func(*proof) {}, 0, ""},
		"PKCS 1":              {func(p *proof) { p.header["alg"] = "RS256" }, 0, ""},
		"no signature at all": {func(p *proof) { p.header["alg"] = "none" }, 0, "AADSTS700027"},
		"other key":           {func(p *proof) { p.key = otherKey }, 0, "AADSTS700027"},
		"not registered":      {func(p *proof) { p.header["x5t#S256"] = thumbprint(stranger) }, 0, "AADSTS700027"},
		"no thumbprint":       {func(p *proof) { delete(p.header, "x5t#S256") }, 0, "AADSTS700027"},
		"with its chain": {func(p *proof) {
			p.header["x5t#S256"], p.key = thumbprint(chained), chainedKey
			p.header["x5c"] = []string{base64.StdEncoding.EncodeToString(chained.Raw)}
		}, 0, ""},
		"the chain of another": {func(p *proof) {
			p.header["x5t#S256"], p.key = thumbprint(stranger), strangerKey
			p.header["x5c"] = []string{base64.StdEncoding.EncodeToString(stranger.Raw)}
		}, 0, "AADSTS700027"},
		"expired certificate": {func(p *proof) { p.claims["exp"] = s.clock.Now().Add(100 * time.Hour).Unix() }, 25 * time.Hour, "AADSTS700027"},
		"expired assertion":   {func(*proof) {}, time.Hour, "AADSTS700024"},
		"not yet good":        {func(p *proof) { p.claims["nbf"] = s.clock.Now().Add(time.Hour).Unix() }, 0, "AADSTS700024"},
		"other subject":       {func(p *proof) { p.claims["sub"] = "x" }, 0, "AADSTS700021"},
		"other audience":      {func(p *proof) { p.claims["aud"] = s.URL() }, 0, "AADSTS700023"},
		"other issuer":        {func(p *proof) { p.claims["iss"] = "x" }, 0, "AADSTS700211"},
	} {
		t.Run(name, func(t *testing.T) {
			before := s.clock.Now()
			p := proof{
				header: map[string]any{"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint(mine)},
				claims: map[string]any{"iss": s.Config().ClientID, "sub": s.Config().ClientID,
					"aud": s.URL() + "/" + s.Config().TenantID + "/oauth2/v2.0/token",
					"exp": before.Add(10 * time.Minute).Unix(), "nbf": before.Unix()},
				key: key,
			}
			row.change(&p)
			assertion := p.sign(t)
			s.clock.advance(row.later)
			defer s.clock.advance(-row.later)
			if code, body := s.tokenCode(s.assertionForm(assertion)); code != row.code {
				t.Errorf("%q %v, want %q", code, body, row.code)
			}
		})
	}
	form := s.assertionForm("x.y")
	if code, _ := s.tokenCode(form); code != "AADSTS50027" {
		t.Errorf("no JWT: %q", code)
	}
	form.Del("client_assertion_type")
	if code, _ := s.tokenCode(form); code != "AADSTS900144" {
		t.Errorf("no type: %q", code)
	}
}

func TestFederation(t *testing.T) {
	s := start(t)
	issuer, err := graphtest.NewIssuer("https://cluster.example")
	if err != nil {
		t.Fatal(err)
	}
	s.Federate(issuer, "workload")
	for name, row := range map[string]struct {
		subject, audience string
		expires           time.Duration
		code              string
	}{
		"good":           {"workload", graphtest.FederatedAudience, time.Hour, ""},
		"other subject":  {"x", graphtest.FederatedAudience, time.Hour, "AADSTS700213"},
		"other audience": {"workload", "x", time.Hour, "AADSTS700212"},
		"expired":        {"workload", graphtest.FederatedAudience, -time.Hour, "AADSTS700024"},
	} {
		token, err := issuer.Token(row.subject, row.audience, s.clock.Now().Add(row.expires))
		if err != nil {
			t.Fatal(err)
		}
		if code, body := s.tokenCode(s.assertionForm(token)); code != row.code {
			t.Errorf("%s: %q %v, want %q", name, code, body, row.code)
		}
	}
}

// thumbprint1 is what stands in an assertion's x5t: older clients send no other.
func thumbprint1(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
