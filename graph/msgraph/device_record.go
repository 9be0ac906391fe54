package msgraph

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"revoke-sessions/graph"
)

// LoginRecordPath is where Login writes down who has signed in:
// REVOKE_LOGIN_RECORD, or login.json in the folder revoke-sessions of the
// user's configuration.
func LoginRecordPath(getenv func(string) string) (string, error) {
	if path := strings.TrimSpace(getenv("REVOKE_LOGIN_RECORD")); path != "" {
		return path, nil
	}
	folder, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("finding a place for the record of the sign-in: %w (REVOKE_LOGIN_RECORD can name one)", err)
	}
	return filepath.Join(folder, "revoke-sessions", "login.json"), nil
}

// readRecord reads what writeRecord has written.
func readRecord(path string) (azidentity.AuthenticationRecord, []byte, *signInError) {
	var record azidentity.AuthenticationRecord
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return record, nil, notSignedIn("there is no " + path)
	case err != nil:
		return record, nil, &signInError{code: graph.CodeSignInFailed, detail: err.Error(),
			remedy: "The bot cannot read the record of its sign-in. Check who may read the file that REVOKE_LOGIN_RECORD names."}
	}
	if err := json.Unmarshal(text, &record); err != nil {
		return record, nil, notSignedIn(path + " is not a record of a sign-in")
	}
	return record, text, nil
}

// writeRecord stores a record for its owner alone. There is nothing secret in
// it, but a name; and whoever can write to it chooses the account. It replaces
// the file in one step.
func writeRecord(path string, record azidentity.AuthenticationRecord) ([]byte, error) {
	text, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the record of the sign-in: %w", err)
	}
	text = append(text, '\n')
	if err := replaceFile(path, text); err != nil {
		return nil, fmt.Errorf("writing the record of the sign-in: %w", err)
	}
	return text, nil
}

func replaceFile(path string, text []byte) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(folder, ".login-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		// What is left over is of no use; the first error is the one to tell.
		_ = os.Remove(file.Name())
	}
	return err
}
