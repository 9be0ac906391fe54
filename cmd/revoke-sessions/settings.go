package main

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"revoke-sessions/authz"
	"revoke-sessions/authz/policyfile"
	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
	"revoke-sessions/graph"
	"revoke-sessions/graph/msgraph"
)

var slackChannel = regexp.MustCompile(`^[CG][A-Z0-9]{2,30}$`)

// check reads the two tokens and the policy, and refuses settings that cannot
// work, all at once.
func (c *runCommand) check(s *surroundings) (botToken, appToken bot.Secret, policy authz.Policy, err error) {
	read := c.read(s)
	if len(read.wrong) == 0 {
		return read.botToken, read.appToken, read.policy, nil
	}
	var wrong []string
	for _, w := range read.wrong {
		wrong = append(wrong, w.says)
	}
	return "", "", authz.Policy{}, usageError("cannot start:\n  - " + strings.Join(wrong, "\n  - "))
}

// settings are the two tokens and the policy, and what is wrong with any of the
// settings.
type settings struct {
	botToken, appToken bot.Secret
	policy             authz.Policy
	wrong              []complaint
}

// complaint is about one setting, or about a name that is none.
type complaint struct{ about, says string }

func complaintf(about, format string, args ...any) complaint {
	return complaint{about, fmt.Sprintf(format, args...)}
}

// read reads the settings as far as they can be read.
func (c *runCommand) read(s *surroundings) (read settings) {
	complain := func(about, format string, args ...any) {
		read.wrong = append(read.wrong, complaintf(about, format, args...))
	}
	token := func(name, prefix, where string) bot.Secret {
		t, err := secret(s.getenv, name)
		switch {
		case err != nil:
			complain(name, "%v", err)
		case t == "":
			complain(name, "%s is not set: %s", name, where)
		case !strings.HasPrefix(string(t), prefix):
			complain(name, "%s does not begin with %s: %s", name, prefix, where)
		}
		return t
	}
	read.botToken = token("SLACK_BOT_TOKEN", "xoxb-", "take the Bot User OAuth Token from OAuth & Permissions in the Slack app's settings")
	read.appToken = token("SLACK_APP_TOKEN", "xapp-",
		"make an app-level token with connections:write under Basic Information in the Slack app's settings")
	const whereChannel = "open the channel's details in Slack. The ID is at the end"
	if c.Channel == "" {
		complain("REVOKE_CHANNEL", "REVOKE_CHANNEL is not set: %s", whereChannel)
	} else if !slackChannel.MatchString(c.Channel) {
		complain("REVOKE_CHANNEL", "REVOKE_CHANNEL must be a channel's ID like C0123456789: %s", whereChannel)
	}
	var err error
	if read.policy, err = readPolicy(c.Policy, c.Approvers); err != nil {
		complain("REVOKE_POLICY", "%s", strings.ReplaceAll(err.Error(), "\n", "\n    "))
	}
	if c.SlackAPI != "" && !carries(c.SlackAPI) {
		complain("SLACK_API_URL", "SLACK_API_URL must begin with https:// (or http:// on this machine only), because the tokens are sent there")
	}
	if err := checkHTTPAddr(c.HTTP); err != nil {
		complain("REVOKE_HTTP_ADDR", "%v", err)
	}
	read.wrong = slices.Concat(read.wrong, unknownSettings(s), checkOperations(c.Operation, c.Fallback))
	if _, err := msgraph.CloudByName(s.getenv("AZURE_CLOUD")); err != nil {
		complain("AZURE_CLOUD", "%v", err)
	}
	if err := store.CheckURL(c.Database); err != nil {
		complain("REVOKE_DATABASE_URL", "%v", err)
	}
	return read
}

// operationOf is the operation that a setting names.
func operationOf(setting string) graph.Operation {
	return cmp.Or(graph.Operation(setting), graph.InvalidateAllRefreshTokens)
}

// checkOperations says what is wrong with the two settings.
func checkOperations(operation, fallback string) (wrong []complaint) {
	if o := operationOf(operation); o != graph.InvalidateAllRefreshTokens && o != graph.RevokeSignInSessions {
		wrong = append(wrong, complaintf("REVOKE_OPERATION", "REVOKE_OPERATION is %q: it must be %s (the default) or %s",
			bot.Clean(operation, 40), graph.InvalidateAllRefreshTokens, graph.RevokeSignInSessions))
	}
	if f := graph.Operation(fallback); f != "" && (f != graph.RevokeSignInSessions || graph.Operation(operation) == f) {
		wrong = append(wrong, complaintf("REVOKE_FALLBACK", "REVOKE_FALLBACK is %q: it can only be %s, and only while REVOKE_OPERATION is %s", bot.Clean(fallback, 40),
			graph.RevokeSignInSessions, graph.InvalidateAllRefreshTokens))
	}
	return wrong
}

// unknownSettings finds settings that this version does not know: each could be
// a rule that somebody relies on.
func unknownSettings(s *surroundings) (wrong []complaint) {
	for _, name := range s.names() {
		if strings.HasPrefix(name, "REVOKE_") && !strings.HasPrefix(name, "REVOKE_TEST_") && !slices.Contains(known, name) {
			wrong = append(wrong, complaintf(name, "%s is not a setting of this version. Correct the spelling or remove it: somebody may rely on a rule that has no effect", name))
		}
	}
	return wrong
}

// readPolicy reads the policy file, or makes a policy of the approvers alone.
func readPolicy(file string, approvers []string) (authz.Policy, error) {
	if file == "" {
		return policyfile.Env(approvers)
	}
	text, err := readPolicyText(file)
	if err != nil {
		return authz.Policy{}, fmt.Errorf("REVOKE_POLICY: %w", err)
	}
	policy, err := policyfile.Parse(text, approvers)
	if err != nil {
		return policy, fmt.Errorf("REVOKE_POLICY %s:\n%w", file, err)
	}
	return policy, nil
}

// known are the settings that begin with REVOKE_, that of this program's own
// tests included; what begins with REVOKE_TEST_ is the tests', too.
var known = []string{
	"REVOKE_CHANNEL", "REVOKE_APPROVERS", "REVOKE_POLICY", "REVOKE_EMERGENCY", "REVOKE_DATABASE_URL", "REVOKE_MARKER", "REVOKE_LOG", "REVOKE_HTTP_ADDR",
	"REVOKE_OPERATION", "REVOKE_FALLBACK", "REVOKE_LOGIN_RECORD", "REVOKE_SESSIONS_TEST_CHILD",
}

// carries reports whether a token may travel to the URL.
func carries(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

// secret reads NAME, or the file that NAME_FILE names.
func secret(getenv func(string) string, name string) (bot.Secret, error) {
	value, file := strings.TrimSpace(getenv(name)), getenv(name+"_FILE")
	switch {
	case file == "":
		return bot.Secret(value), nil
	case value != "":
		return "", fmt.Errorf("%s and %s_FILE are both set: keep one", name, name)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w", name, err)
	}
	return bot.Secret(strings.TrimSpace(string(text))), nil
}
