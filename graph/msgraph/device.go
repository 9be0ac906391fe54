package msgraph

import (
	"bytes"
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// device is the sign-in of a person that Login has kept. It never asks anybody
// to sign in: it fails, and says that somebody should.
//
// The record of the sign-in is read each time, so that a bot that is running
// takes over from a login in another process, of another account even. turns
// sees to it that GetToken runs once at a time.
type device struct {
	*settings
	cache azidentity.Cache
	path  string // of the record

	record []byte // the record that inner was made with
	inner  *azidentity.DeviceCodeCredential
	// person is the object ID of the account of the record; empty if it does not
	// tell.
	person string
}

func newDevice(s *settings, cache azidentity.Cache) (*device, error) {
	path, err := LoginRecordPath(s.getenv)
	if err != nil {
		return nil, err
	}
	return &device{settings: s, cache: cache, path: path}, nil
}

func openDevice(s *settings) (azcore.TokenCredential, error) {
	cache, err := persistentCache()
	if err != nil {
		return nil, err
	}
	return newDevice(s, cache)
}

func (d *device) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	record, text, failed := readRecord(d.path)
	if failed != nil {
		return azcore.AccessToken{}, failed
	}
	if d.inner == nil || !bytes.Equal(text, d.record) {
		inner, err := d.open(record, nil)
		if err != nil {
			return azcore.AccessToken{}, err
		}
		d.use(inner, record, text)
	}
	return d.inner.GetToken(ctx, options)
}

func (d *device) use(inner *azidentity.DeviceCodeCredential, record azidentity.AuthenticationRecord, text []byte) {
	d.inner, d.record = inner, text
	d.person, _ = Account(record) // Login lets no other in; an older record may be of a guest
}

// keeps reports whether the record is still the one of the sign-in. Any number
// may ask at once.
func (d *device) keeps(record []byte) bool {
	_, now, failed := readRecord(d.path)
	return failed == nil && bytes.Equal(now, record)
}

// open makes azidentity's credential for a record, which is empty before the
// first sign-in.
func (d *device) open(record azidentity.AuthenticationRecord, show func(message string)) (*azidentity.DeviceCodeCredential, error) {
	return azidentity.NewDeviceCodeCredential(&azidentity.DeviceCodeCredentialOptions{
		ClientOptions:            d.direct(),
		DisableInstanceDiscovery: d.options.DisableInstanceDiscovery,
		TenantID:                 d.tenantID,
		ClientID:                 d.clientID,
		AuthenticationRecord:     record,
		Cache:                    d.cache,
		// Otherwise it would print a code and wait for somebody to type it, and
		// everybody else would wait for that.
		DisableAutomaticAuthentication: true,
		UserPrompt: func(_ context.Context, code azidentity.DeviceCodeMessage) error {
			show(code.Message)
			return nil
		},
	})
}
