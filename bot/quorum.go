package bot

import (
	"revoke-sessions/authz"
)

// Unable is somebody who is named as an approver, and why they cannot be one.
type Unable struct {
	SlackID string
	Reason  authz.Reason
}
