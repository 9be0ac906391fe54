package msgraph

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// CredentialOptions let a test, or a private cloud, replace Entra. The zero
// value is the public cloud.
type CredentialOptions struct {
	// AuthorityHost replaces https://login.microsoftonline.com.
	AuthorityHost string
	// Transport carries the requests to Entra; azidentity's own when nil.
	Transport http.RoundTripper
	// DisableInstanceDiscovery keeps azidentity from asking the public cloud
	// whether it knows AuthorityHost. Needed wherever that is not Microsoft's.
	DisableInstanceDiscovery bool
}

// The names by which Credential tells what it chose.
const (
	nameClientSecret = "client secret"
	nameDefault      = "azidentity's default chain"
)

// Credential chooses how the bot signs in, by azidentity's own environment
// variables, and returns the choice's name for the log. A client secret is
// used when all of AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET
// are set; otherwise azidentity's default chain: workload identity, managed
// identity, a certificate, the Azure CLI. That chain reads the process's
// environment and not getenv.
//
// A setting that is half there is an error that names what is missing, for
// otherwise the chain would go on and sign in as somebody else, or fail much
// later. Nothing is sent.
func Credential(getenv func(string) string, options CredentialOptions) (azcore.TokenCredential, string, error) {
	if err := half(getenv); err != nil {
		return nil, "", err
	}
	client := azcore.ClientOptions{Cloud: public.authority}
	if options.AuthorityHost != "" {
		client.Cloud = cloud.Configuration{ActiveDirectoryAuthorityHost: options.AuthorityHost}
	}
	if options.Transport != nil {
		client.Transport = &http.Client{Transport: options.Transport}
	}

	if secret := variable(getenv, "AZURE_CLIENT_SECRET"); secret != "" {
		// The defaults would try four times and wait up to a minute in between,
		// with somebody waiting for the answer.
		client.Retry = policy.RetryOptions{
			MaxRetries:    1,
			TryTimeout:    5 * time.Second,
			RetryDelay:    250 * time.Millisecond,
			MaxRetryDelay: 2 * time.Second,
		}
		credential, err := azidentity.NewClientSecretCredential(
			variable(getenv, "AZURE_TENANT_ID"), variable(getenv, "AZURE_CLIENT_ID"), secret,
			&azidentity.ClientSecretCredentialOptions{
				ClientOptions:            client,
				DisableInstanceDiscovery: options.DisableInstanceDiscovery,
			})
		if err != nil {
			return nil, "", fmt.Errorf("setting up the sign-in with a client secret: %w", err)
		}
		return credential, nameClientSecret, nil
	}

	credential, err := azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
		ClientOptions:            client,
		DisableInstanceDiscovery: options.DisableInstanceDiscovery,
	})
	if err != nil {
		return nil, "", fmt.Errorf("setting up the sign-in with azidentity's default chain: %w", err)
	}
	return credential, nameDefault, nil
}

// half finds a setting of which something is missing.
func half(getenv func(string) string) error {
	set := func(name string) bool { return variable(getenv, name) != "" }
	for _, proof := range []string{"AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE"} {
		if !set(proof) {
			continue
		}
		for _, needed := range []string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID"} {
			if !set(needed) {
				return fmt.Errorf("%s is set but %s is missing", proof, needed)
			}
		}
		return nil
	}
	// A client ID alone names a managed identity. A tenant makes sense only
	// with a proof, or where the kind of credential is chosen by name.
	if set("AZURE_TENANT_ID") && !set("AZURE_TOKEN_CREDENTIALS") {
		if !set("AZURE_CLIENT_ID") {
			return fmt.Errorf("AZURE_TENANT_ID is set but AZURE_CLIENT_ID and AZURE_CLIENT_SECRET are missing " +
				"(to sign in without them, set AZURE_TOKEN_CREDENTIALS, to AzureCLICredential for example)")
		}
		return fmt.Errorf("AZURE_TENANT_ID and AZURE_CLIENT_ID are set but AZURE_CLIENT_SECRET is missing " +
			"(to sign in without one, set AZURE_TOKEN_CREDENTIALS, to ManagedIdentityCredential for example)")
	}
	return nil
}

// variable reads a setting without the space or line end that came along when
// it was pasted.
func variable(getenv func(string) string, name string) string {
	return strings.TrimSpace(getenv(name))
}
