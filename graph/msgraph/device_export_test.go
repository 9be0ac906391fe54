package msgraph

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// LoginInMemory is Login and Credential of one process that keeps the sign-in
// in memory, for machines on which it cannot be kept otherwise.
func LoginInMemory(getenv func(string) string, options CredentialOptions) (
	credential azcore.TokenCredential,
	login func(context.Context, func(string)) (azidentity.AuthenticationRecord, error),
	err error,
) {
	s, err := readSettings(getenv, options)
	if err != nil {
		return nil, nil, err
	}
	d, err := newDevice(s, azidentity.Cache{})
	if err != nil {
		return nil, nil, err
	}
	return newTurns(d, withDevice), d.login, nil
}

// NewTurns is turns around any credential.
func NewTurns(inner azcore.TokenCredential) azcore.TokenCredential {
	return newTurns(inner, way{listens: true})
}

// TakeTurn has a caller ask for a token until done is called.
func TakeTurn(credential azcore.TokenCredential) (done func()) {
	turn := credential.(*turns).turn
	turn <- struct{}{}
	return func() { <-turn }
}
