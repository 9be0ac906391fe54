// Package lookup finds out who is who: the Entra account and groups behind a Slack
// user, the target of a request, and the approvers. It remembers answers for minutes
// and counts the calls to Slack and Microsoft; it decides and stores nothing.
package lookup
