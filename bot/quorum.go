package bot

import (
	"revoke-sessions/authz"
)

// Unable is a named approver who cannot approve, and why.
type Unable struct {
	SlackID string
	Reason  authz.Reason
}
