package msgraph

import (
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// way is a way to sign in.
type way struct {
	name string // for the log and for doctor
	open func(*settings) (azcore.TokenCredential, error)
	// listens and remedy are as in turns.
	listens bool
	remedy  string
}

const (
	remedyManaged = "The machine gave the bot no token for its managed identity. Check in Azure that it has one, " +
		"and that AZURE_CLIENT_ID, if set, is the identity's client ID."
	remedyTool  = "The bot signs in through a tool, such as the Azure CLI, and the tool gave no token. Sign in with the tool again, as the user that runs the bot."
	remedyChain = "The bot tried a managed identity, the Azure CLI and other ways to sign in, and none worked. Set AZURE_TENANT_ID, " +
		"AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or choose another way with AZURE_TOKEN_CREDENTIALS."
)

var (
	withSecret      = way{name: "client secret", open: openSecret, listens: true}
	withCertificate = way{name: "client certificate", open: openCertificate, listens: true}
	withWorkload    = way{name: "workload identity", open: openWorkload, listens: true}
	withManaged     = way{name: "managed identity", open: openManaged, remedy: remedyManaged}
	withUserManaged = way{name: "user-assigned managed identity", open: openManaged, remedy: remedyManaged}
	withCLI         = way{name: "Azure CLI", open: openCLI, listens: true, remedy: remedyTool}
	withDeveloper   = way{name: "Azure Developer CLI", open: openDeveloperCLI, listens: true, remedy: remedyTool}
	withPowerShell  = way{name: "Azure PowerShell", open: openPowerShell, listens: true, remedy: remedyTool}
	withDevice      = way{name: "a person's sign-in by device code", open: openDevice, listens: true}
	withChain       = way{name: "azidentity's default chain", open: openChain, remedy: remedyChain}
)

// chosenBy is the variable in which azidentity looks for the choice.
const chosenBy = "AZURE_TOKEN_CREDENTIALS"

// choices are the values of that variable. Those of azidentity's default chain
// and DeviceCodeCredential; a credential's name in any case, like azidentity.
var choices = []struct {
	value  string
	choose func(*settings) (way, error)
}{
	{"dev", func(*settings) (way, error) { return withChain, nil }},
	{"prod", (*settings).byEnvironment},
	{"EnvironmentCredential", (*settings).bySecretOrCertificate},
	{"WorkloadIdentityCredential", only(withWorkload, "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE")},
	{"ManagedIdentityCredential", (*settings).managed},
	{"AzureCLICredential", only(withCLI)},
	{"AzureDeveloperCLICredential", only(withDeveloper)},
	{"AzurePowerShellCredential", only(withPowerShell)},
	{"DeviceCodeCredential", only(withDevice, "AZURE_TENANT_ID", "AZURE_CLIENT_ID")},
}

// only is a way that needs some settings.
func only(w way, needed ...string) func(*settings) (way, error) {
	return func(s *settings) (way, error) {
		for _, name := range needed {
			if !s.set(name) {
				return way{}, fmt.Errorf("%s is %s but %s is missing", chosenBy, s.variable(chosenBy), name)
			}
		}
		return w, nil
	}
}

// choose finds the way that the environment says.
func (s *settings) choose() (way, error) {
	chosen := s.variable(chosenBy)
	if chosen == "" {
		return s.byEnvironment()
	}
	var known []string
	for _, c := range choices {
		if c.value == chosen || strings.HasSuffix(c.value, "Credential") && strings.EqualFold(c.value, chosen) {
			return c.choose(s)
		}
		known = append(known, c.value)
	}
	return way{}, fmt.Errorf("%s is %q. It must be one of %s", chosenBy, chosen, strings.Join(known, ", "))
}

// byEnvironment takes what the settings are complete for.
func (s *settings) byEnvironment() (way, error) {
	if err := s.half(); err != nil {
		return way{}, err
	}
	switch {
	case s.hasSecret("AZURE_CLIENT_SECRET"):
		return withSecret, nil
	case s.set("AZURE_CLIENT_CERTIFICATE_PATH"):
		return withCertificate, nil
	case s.set("AZURE_FEDERATED_TOKEN_FILE"):
		return withWorkload, nil
	case s.set("IDENTITY_ENDPOINT"):
		return s.managed()
	default:
		return withChain, nil
	}
}

func (s *settings) bySecretOrCertificate() (way, error) {
	if err := s.half(); err != nil {
		return way{}, err
	}
	switch {
	case s.hasSecret("AZURE_CLIENT_SECRET"):
		return withSecret, nil
	case s.set("AZURE_CLIENT_CERTIFICATE_PATH"):
		return withCertificate, nil
	default:
		return way{}, fmt.Errorf("%s is %s but AZURE_CLIENT_SECRET and AZURE_CLIENT_CERTIFICATE_PATH are missing",
			chosenBy, s.variable(chosenBy))
	}
}

func (s *settings) managed() (way, error) {
	if s.clientID != "" {
		return withUserManaged, nil
	}
	return withManaged, nil
}

// half finds a setting of which something is missing.
func (s *settings) half() error {
	if s.hasSecret("AZURE_CLIENT_CERTIFICATE_PASSWORD") && !s.set("AZURE_CLIENT_CERTIFICATE_PATH") {
		return fmt.Errorf("AZURE_CLIENT_CERTIFICATE_PASSWORD is set but AZURE_CLIENT_CERTIFICATE_PATH is missing")
	}
	for _, proof := range []string{"AZURE_CLIENT_SECRET", "AZURE_CLIENT_SECRET_FILE",
		"AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE"} {
		if !s.set(proof) {
			continue
		}
		for _, needed := range []string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID"} {
			if !s.set(needed) {
				return fmt.Errorf("%s is set but %s is missing", proof, needed)
			}
		}
		return nil
	}
	// A client ID alone names a managed identity. A tenant makes sense only
	// with a proof, or where the kind of credential is chosen by name.
	if s.tenantID != "" && !s.set(chosenBy) {
		if s.clientID == "" {
			return fmt.Errorf("AZURE_TENANT_ID is set but AZURE_CLIENT_ID and AZURE_CLIENT_SECRET are missing " +
				"(to sign in without them, set AZURE_TOKEN_CREDENTIALS, to AzureCLICredential for example)")
		}
		return fmt.Errorf("AZURE_TENANT_ID and AZURE_CLIENT_ID are set but AZURE_CLIENT_SECRET is missing " +
			"(to sign in without one, set AZURE_TOKEN_CREDENTIALS, to ManagedIdentityCredential for example)")
	}
	return nil
}
