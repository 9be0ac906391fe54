// Package lifecycle takes stored requests from state to state: it reminds, expires,
// calls Microsoft, finds out unknown results and verifies. It speaks to nobody and
// knows no Slack.
package lifecycle
