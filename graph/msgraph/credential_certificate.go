package msgraph

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// certificate reads AZURE_CLIENT_CERTIFICATE_PATH: PEM with a key that is not
// encrypted, or PFX. A password is for PFX and is passed over for PEM.
func (s *settings) certificate() ([]*x509.Certificate, crypto.PrivateKey, error) {
	const setting = "AZURE_CLIENT_CERTIFICATE_PATH"
	file := s.variable(setting)
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", setting, err)
	}
	password, err := s.secret("AZURE_CLIENT_CERTIFICATE_PASSWORD")
	if err != nil {
		return nil, nil, err
	}
	isPEM := bytes.Contains(content, []byte("-----BEGIN "))
	switch {
	case isPEM && bytes.Contains(content, []byte("ENCRYPTED")):
		return nil, nil, fmt.Errorf("%s: the key in %s is encrypted, which works only in PFX. "+
			"Remove the encryption, or convert the key to PFX", setting, file)
	case isPEM:
		password = ""
	}
	certificates, key, err := azidentity.ParseCertificates(content, []byte(password))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %s: %w", setting, file, unreadable(err, isPEM, password != ""))
	}
	if _, ok := key.(*rsa.PrivateKey); !ok {
		return nil, nil, fmt.Errorf("%s: the key in %s is not RSA, and Entra accepts only RSA", setting, file)
	}
	return certificates, key, nil
}

// unreadable explains why a certificate could not be read. The libraries tell
// by text alone, in which there is nothing of the file.
func unreadable(err error, isPEM, password bool) error {
	text := err.Error()
	switch {
	case isPEM:
		return err
	case strings.Contains(text, "password incorrect") && password:
		return fmt.Errorf("the password in AZURE_CLIENT_CERTIFICATE_PASSWORD is wrong")
	case strings.Contains(text, "password incorrect"):
		return fmt.Errorf("it has a password, but AZURE_CLIENT_CERTIFICATE_PASSWORD is missing")
	case strings.Contains(text, "error reading P12 data"):
		return fmt.Errorf("it is neither PEM nor PFX")
	default:
		return fmt.Errorf("this PFX cannot be read (%w). Make a new one with openssl pkcs12 -export -legacy, or use PEM", err)
	}
}
