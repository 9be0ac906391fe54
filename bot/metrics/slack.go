package metrics

import (
	"time"

	"revoke-sessions/bot/slackapi"
)

// methods are the calls that the bot makes to Slack.
var methods = []string{
	"auth.test", "bots.info", "chat.delete", "chat.postMessage", "chat.update", "conversations.info", "conversations.members", "response_url",
	"usergroups.users.list", "users.info", "users.lookupByEmail", "views.open", "views.update",
}

var knownMethods = set(methods...)

// slackCodes are Slack's answers that are counted separately: those that people can act
// on.
var slackCodes = set(
	slackapi.OK, slackapi.Silent, "ratelimited", "incomplete_answer", "internal_error", "fatal_error", "service_unavailable", "request_timeout",
	// The token, or the app.
	"account_inactive", "invalid_auth", "missing_scope", "no_permission", "not_authed", "team_access_not_granted", "token_expired", "token_revoked",
	"ekm_access_denied", "org_login_required", "restricted_action",
	// The channel.
	"channel_not_found", "is_archived", "not_in_channel",
	// A person.
	"cannot_dm_bot", "messages_tab_disabled", "no_such_subteam", "user_disabled", "user_not_found", "users_not_found",
	// A message or a form.
	"cant_delete_message", "cant_update_message", "edit_window_closed", "expired_trigger_id", "invalid_blocks", "invalid_blocks_format", "message_not_found", "msg_blocks_too_long", "msg_too_long",
	"thread_not_found",
)

func (m *Metrics) registerSlack() {
	m.slack = m.newCalls("slack_calls", "Calls to Slack's Web API", "method",
		methods, []string{slackapi.OK, slackapi.Silent, "ratelimited"},
		[]float64{0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10})
}

// Slack returns the observer of the calls to Slack; nil if nothing is counted.
func (m *Metrics) Slack() slackapi.CallObserver {
	if m == nil {
		return nil
	}
	return func(method, result string, took time.Duration) {
		m.slack.count(among(knownMethods, method), among(slackCodes, result), took)
	}
}
