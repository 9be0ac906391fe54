package msgraph

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"revoke-sessions/graph"
)

func openSecret(s *settings) (azcore.TokenCredential, error) {
	secret, err := s.secret("AZURE_CLIENT_SECRET")
	if err != nil {
		return nil, err
	}
	return azidentity.NewClientSecretCredential(s.tenantID, s.clientID, secret, &azidentity.ClientSecretCredentialOptions{
		ClientOptions: s.direct(), DisableInstanceDiscovery: s.options.DisableInstanceDiscovery,
	})
}

func openCertificate(s *settings) (azcore.TokenCredential, error) {
	certificates, key, err := s.certificate()
	if err != nil {
		return nil, err
	}
	chain := s.variable("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN")
	return azidentity.NewClientCertificateCredential(s.tenantID, s.clientID, certificates, key,
		&azidentity.ClientCertificateCredentialOptions{
			ClientOptions: s.direct(), DisableInstanceDiscovery: s.options.DisableInstanceDiscovery,
			SendCertificateChain: chain == "1" || strings.EqualFold(chain, "true"),
		})
}

// openWorkload reads the token file whenever a token is needed. azidentity's
// own WorkloadIdentityCredential would keep what it read for ten minutes, also
// after Entra has refused it.
func openWorkload(s *settings) (azcore.TokenCredential, error) {
	const setting = "AZURE_FEDERATED_TOKEN_FILE"
	file := s.variable(setting)
	if _, err := fileText(setting, file); err != nil {
		return nil, err
	}
	read := func(ctx context.Context) (string, error) {
		text, err := fileText(setting, file)
		if h, ok := ctx.Value(heardKey{}).(*heard); ok && err != nil {
			h.failed = &signInError{code: graph.CodeSignInFailed, detail: err.Error(),
				remedy: "The bot cannot read the file that " + setting + " names. Check that the platform still puts it there."}
		}
		return text, err
	}
	return azidentity.NewClientAssertionCredential(s.tenantID, s.clientID, read, &azidentity.ClientAssertionCredentialOptions{
		ClientOptions: s.direct(), DisableInstanceDiscovery: s.options.DisableInstanceDiscovery,
	})
}

// openManaged leaves the transport to azidentity, which for some platforms
// must have its own.
func openManaged(s *settings) (azcore.TokenCredential, error) {
	options := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: s.plain()}
	options.Retry = patience
	if s.clientID != "" {
		options.ID = azidentity.ClientID(s.clientID)
	}
	return azidentity.NewManagedIdentityCredential(options)
}

func openCLI(s *settings) (azcore.TokenCredential, error) {
	return azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{TenantID: s.tenantID})
}

func openDeveloperCLI(s *settings) (azcore.TokenCredential, error) {
	return azidentity.NewAzureDeveloperCLICredential(&azidentity.AzureDeveloperCLICredentialOptions{TenantID: s.tenantID})
}

func openPowerShell(s *settings) (azcore.TokenCredential, error) {
	return azidentity.NewAzurePowerShellCredential(&azidentity.AzurePowerShellCredentialOptions{TenantID: s.tenantID})
}

func openChain(s *settings) (azcore.TokenCredential, error) {
	return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
		ClientOptions: s.plain(), DisableInstanceDiscovery: s.options.DisableInstanceDiscovery, TenantID: s.tenantID,
	})
}

// hasSecret reports whether a secret is set, itself or by a file.
func (s *settings) hasSecret(name string) bool { return s.set(name) || s.set(name+"_FILE") }

// secret reads a secret from its variable, or from the file that the variable
// with _FILE at its end names. It is empty when neither is set.
func (s *settings) secret(name string) (string, error) {
	value, file := s.variable(name), s.variable(name+"_FILE")
	switch {
	case file == "":
		return value, nil
	case value != "":
		return "", fmt.Errorf("%s and %s_FILE are both set: keep one", name, name)
	}
	return fileText(name+"_FILE", file)
}

// fileText reads a small file that a setting names. An empty one is an error.
func fileText(setting, file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", setting, err)
	}
	trimmed := strings.TrimSpace(string(text))
	if trimmed == "" {
		return "", fmt.Errorf("%s: %s is empty", setting, file)
	}
	return trimmed, nil
}
