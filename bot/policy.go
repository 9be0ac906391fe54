package bot

import (
	"revoke-sessions/authz"
)

// Checker is Bot.check.
type Checker func(authz.Action, authz.Actor, authz.Matter) authz.Decision
