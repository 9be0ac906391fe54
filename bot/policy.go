package bot

import (
	"revoke-sessions/authz"
)

// Checker answers a question of authz; Config.Check is one.
type Checker func(authz.Action, authz.Actor, authz.Matter) authz.Decision
