package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"revoke-sessions/bot"
	"revoke-sessions/graph"
	"revoke-sessions/graph/msgraph"
)

// loginCommand signs a person in, in whose name the bot then calls Microsoft.
type loginCommand struct{}

// Help is what --help says beyond the one line.
func (loginCommand) Help() string {
	return `For organisations that let no application revoke sessions. The command prints an address and a code. The person who
enters the code there and signs in lends their rights to the bot. Each revoke still needs an approver.

Set AZURE_TENANT_ID and AZURE_CLIENT_ID first. The app registration must allow public client flows and have the
delegated permissions User.RevokeSessions.All and User.Read.All, with an administrator's consent. The account must be a
member of the organisation, with a role that may revoke other people's sessions. Use an account that only the bot uses:
the bot refuses to revoke it, and Conditional Access may ask it to sign in again and again.

Run the command on the bot's machine, as the user that runs the bot. The operating system keeps the sign-in there,
encrypted. On Linux the kernel's keyring keeps it until the machine restarts. The file login.json in the user's
configuration, or the file that REVOKE_LOGIN_RECORD names, says who signed in. It holds nothing secret.

Then run the bot with AZURE_TOKEN_CREDENTIALS=DeviceCodeCredential. A bot that already runs this way uses the new
sign-in without a restart.`
}

// Run signs somebody in, or leaves what was there before as it is.
func (loginCommand) Run(ctx context.Context, s *surroundings) error {
	if err := loginSettings(s.getenv); err != nil {
		return err
	}
	record, err := msgraph.Login(ctx, s.getenv, s.at.credential(), func(message string) {
		fmt.Fprintf(s.stdout, "%s\nWaiting for the sign-in. Ctrl-C stops.\n", bot.Clean(message, maxEntraText))
	})
	if err != nil {
		return loginFailed(ctx, err)
	}
	path, err := msgraph.LoginRecordPath(s.getenv)
	if err != nil {
		return err
	}
	return saySignedIn(s.stdout, record.Username, path)
}

// maxEntraText and maxAccount are how many runes are shown of what Entra says
// and of an account's name, the longest of which has 113.
const (
	maxEntraText = 1000
	maxAccount   = 120
)

// loginSettings names all that is missing at once.
func loginSettings(getenv func(string) string) error {
	var wrong []string
	for _, needed := range []struct{ name, where string }{
		{"AZURE_TENANT_ID", "the Directory (tenant) ID"}, {"AZURE_CLIENT_ID", "the Application (client) ID"},
	} {
		if strings.TrimSpace(getenv(needed.name)) == "" {
			wrong = append(wrong, fmt.Sprintf("%s is not set: take %s from the overview of the app registration in Entra", needed.name,
				needed.where))
		}
	}
	if _, err := msgraph.CloudByName(strings.TrimSpace(getenv("AZURE_CLOUD"))); err != nil {
		wrong = append(wrong, err.Error())
	}
	if len(wrong) > 0 {
		return usageError("cannot log in:\n  - " + strings.Join(wrong, "\n  - "))
	}
	return nil
}

// loginFailed says why nobody signed in, and what to do.
func loginFailed(ctx context.Context, err error) error {
	const unchanged = "Nobody was signed in. An earlier sign-in is unchanged"
	failed := graph.AsError(err)
	switch {
	case ctx.Err() != nil:
		return errors.New("stopped. " + unchanged)
	case failed == nil:
		return fmt.Errorf("%w. %s", err, unchanged)
	}
	return fmt.Errorf("%s %s (%s)", failed.Remedy, unchanged, failed.Code)
}

// saySignedIn says who signed in, where that is written down, and what to set.
func saySignedIn(out io.Writer, account, path string) error {
	_, err := fmt.Fprintf(out, `
Signed in: %s

The sign-in is kept on this machine, for the user that ran this command. This file says who signed in:
  %s
To let the bot use the sign-in, run the bot as the same user, with the same AZURE_TENANT_ID and AZURE_CLIENT_ID and with
  AZURE_TOKEN_CREDENTIALS=DeviceCodeCredential
A bot that already runs this way uses the new sign-in without a restart. The bot refuses to revoke this account's sessions.
`, bot.Clean(account, maxAccount), bot.Clean(path, maxPath))
	return err
}

// maxPath is the longest path that Linux takes.
const maxPath = 4096
