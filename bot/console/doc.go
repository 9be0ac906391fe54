// Package console revokes from the command line, without Slack: the operator looks at an
// account, confirms alone, and waits for the result. It uses the same requests and audit
// rows as the bot.
package console
