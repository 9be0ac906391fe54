package msgraph_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"revoke-sessions/graph/msgraph"
)

// keyPair is a certificate and its key.
type keyPair struct {
	certificate *x509.Certificate
	key         *rsa.PrivateKey
}

// newKeyPair makes a certificate that is good for an hour, signed by itself or
// by another.
func newKeyPair(t *testing.T, name string, change ...func(template *x509.Certificate, issuer *keyPair)) keyPair {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	issuer := keyPair{template, key}
	for _, f := range change {
		f(template, &issuer)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.certificate, key.Public(), issuer.key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return keyPair{certificate, key}
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func (k keyPair) certificatePEM() []byte { return block("CERTIFICATE", k.certificate.Raw) }

func (k keyPair) pkcs8(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(k.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func (k keyPair) pem(t *testing.T) []byte {
	return append(k.certificatePEM(), block("PRIVATE KEY", k.pkcs8(t))...)
}

func TestCertificate(t *testing.T) {
	tenant := newTenant(t)
	mine := newKeyPair(t, "bot")
	tenant.RegisterCertificate(mine.certificate)
	const path, password = "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PASSWORD"
	app := application(tenant.Server)
	pfx := file(t, "bot.pfx", mine.pfx(t, "SECRET-PASSWORD-1"))
	for name, e := range map[string]environment{
		"PEM":                      app.with(path, file(t, "bot.pem", mine.pem(t))),
		"PEM, PKCS 1":              app.with(path, file(t, "bot.pem", append(block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(mine.key)), mine.certificatePEM()...))),
		"PEM, a needless password": app.with(path, file(t, "bot.pem", mine.pem(t)), password, "SECRET-PASSWORD-1"),
		"PFX":                      app.with(path, pfx, password, "SECRET-PASSWORD-1"),
		"PFX, password in a file":  app.with(path, pfx, password+"_FILE", file(t, "password", []byte("SECRET-PASSWORD-1\n"))),
		"PFX, no password":         app.with(path, file(t, "open.pfx", mine.pfx(t, ""))),
	} {
		t.Run(name, func(t *testing.T) {
			mustReadCarol(t, tenant, choose(t, tenant.Server, e, "client certificate"))
		})
	}
}

func TestCertificateThatCannotBeRead(t *testing.T) {
	mine := newKeyPair(t, "bot")
	const path, password = "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PASSWORD"
	const hidden = "SECRET-PASSWORD-2"
	app := environment{"AZURE_TENANT_ID": "contoso.example", "AZURE_CLIENT_ID": "x"}
	pfx := file(t, "bot.pfx", mine.pfx(t, "SECRET-PASSWORD-1"))
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	elliptic, err := x509.MarshalPKCS8PrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		settings environment
		want     string
	}{
		"no file":                {app.with(path, pfx+"x"), "no such file"},
		"wrong password":         {app.with(path, pfx, password, hidden), "the password in " + password + " is wrong"},
		"no password":            {app.with(path, pfx), password + " is missing"},
		"password file missing":  {app.with(path, pfx, password+"_FILE", pfx+"x"), password + "_FILE"},
		"password twice":         {app.with(path, pfx, password, hidden, password+"_FILE", pfx), "keep one"},
		"no certificate at all":  {app.with(path, file(t, "text", []byte(hidden))), "neither PEM nor PFX"},
		"no key":                 {app.with(path, file(t, "a.pem", mine.certificatePEM())), "no private key"},
		"no certificate":         {app.with(path, file(t, "b.pem", block("PRIVATE KEY", mine.pkcs8(t)))), "no certificate"},
		"another's key":          {app.with(path, file(t, "c.pem", append(mine.certificatePEM(), block("PRIVATE KEY", newKeyPair(t, "x").pkcs8(t))...))), "doesn't match"},
		"elliptic curve":         {app.with(path, file(t, "d.pem", append(mine.certificatePEM(), block("PRIVATE KEY", elliptic)...))), "not RSA"},
		"encrypted PEM":          {app.with(path, file(t, "e.pem", append(mine.certificatePEM(), block("ENCRYPTED PRIVATE KEY", []byte(hidden))...)), password, hidden), "encrypted"},
		"a modern PFX's ciphers": {app.with(path, file(t, "f.pfx", mine.pfx(t, "SECRET-PASSWORD-1", modern)), password, "SECRET-PASSWORD-1"), "-legacy"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := msgraph.Credential(row.settings.get, msgraph.CredentialOptions{})
			if err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), "AZURE_CLIENT_CERTIFICATE") && row.want != "doesn't match" {
				t.Errorf("%v, want %q", err, row.want)
			}
			if err != nil && strings.Contains(err.Error(), "SECRET-PASSWORD") {
				t.Errorf("%q tells a secret", err)
			}
		})
	}
}

func TestCertificateThatEntraRefuses(t *testing.T) {
	expired := func(c *x509.Certificate, _ *keyPair) {
		c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	}
	for name, row := range map[string]struct {
		change   []func(*x509.Certificate, *keyPair)
		register bool
		remedy   string
	}{
		"not registered": {nil, false, "is not one that Entra knows"},
		"expired":        {[]func(*x509.Certificate, *keyPair){expired}, true, "certificate has expired"},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			mine := newKeyPair(t, "bot", row.change...)
			if row.register {
				tenant.RegisterCertificate(mine.certificate)
			}
			e := application(tenant.Server).with("AZURE_CLIENT_CERTIFICATE_PATH", file(t, "bot.pem", mine.pem(t)))
			_, err := getToken(t.Context(), choose(t, tenant.Server, e, "client certificate"), tenant.Server)
			if e := wantError(t, err); e.Code != "AADSTS700027" || e.Retryable || !strings.Contains(e.Remedy, row.remedy) {
				t.Errorf("%+v", e)
			}
		})
	}
}

// TestSendsItsChain: Entra that trusts an authority and a name knows the
// certificate only if it comes along.
func TestSendsItsChain(t *testing.T) {
	authority := newKeyPair(t, "authority")
	mine := newKeyPair(t, "bot.contoso.example", func(c *x509.Certificate, issuer *keyPair) {
		c.IsCA, *issuer = false, authority
	})
	path := file(t, "bot.pem", append(mine.pem(t), authority.certificatePEM()...))
	for value, sends := range map[string]bool{"": false, "0": false, "1": true, "TRUE": true} {
		t.Run("value "+value, func(t *testing.T) {
			tenant := newTenant(t)
			tenant.TrustAuthority(authority.certificate, "bot.contoso.example")
			e := application(tenant.Server).with("AZURE_CLIENT_CERTIFICATE_PATH", path, "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", value)
			_, err := getToken(t.Context(), choose(t, tenant.Server, e, "client certificate"), tenant.Server)
			if sends != (err == nil) {
				t.Errorf("%v", err)
			}
			if err != nil {
				wantError(t, err)
			}
		})
	}
}
