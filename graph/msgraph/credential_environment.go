package msgraph

import (
	"os"
	"sync"
)

// processVariables are what azidentity v1.15.0 reads from the process's
// environment when a credential is made, whatever its options say.
// IDENTITY_ENDPOINT and its like are not among them: those are read with each
// token, and an empty one counts as none there, too.
var processVariables = []string{
	chosenBy,
	"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET",
	"AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN",
	"AZURE_FEDERATED_TOKEN_FILE", "AZURE_USERNAME", "AZURE_PASSWORD",
	"AZURE_AUTHORITY_HOST", "AZURE_REGIONAL_AUTHORITY_NAME", "AZURE_ADDITIONALLY_ALLOWED_TENANTS",
}

// environmentTurn keeps two that change the process's environment apart.
var environmentTurn sync.Mutex

// asEnvironment runs do while the process's environment says what the settings
// say, and puts back what was there. For azidentity a variable that is set and
// empty is a value: a manifest with AZURE_CLIENT_ID: "" would keep it from
// asking the machine's own identity, and an empty AZURE_TOKEN_CREDENTIALS is an
// error. There is no option that says otherwise.
func (s *settings) asEnvironment(do func()) error {
	environmentTurn.Lock()
	defer environmentTurn.Unlock()
	for _, name := range processVariables {
		before, there := os.LookupEnv(name)
		ours := s.variable(name)
		if there == (ours != "") && before == ours {
			continue
		}
		if err := put(name, ours, ours != ""); err != nil {
			return err
		}
		// What was there can be put there again.
		defer func() { _ = put(name, before, there) }()
	}
	do()
	return nil
}

func put(name, value string, there bool) error {
	if !there {
		return os.Unsetenv(name)
	}
	return os.Setenv(name, value)
}
