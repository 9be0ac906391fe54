package bot

import (
	"fmt"
	"time"

	"revoke-sessions/authz"
)

// LimitError says that a limit of the policy is reached; nothing was stored.
type LimitError struct {
	Use Use
	// Free is when the limit has room again.
	Free time.Time
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("limit reached: %s, %d in %s", e.Use.Kind, e.Use.Limit.N, e.Use.Limit.Within)
}

// Reason is why a report that reached the limit is not carried out automatically.
func (e *LimitError) Reason() authz.Reason {
	if e.Use.Kind == Total || e.Use.Kind == OwnTotal {
		return OverTotal
	}
	return OverLimit
}

// TurnError says that a confirmed request must wait for its turn, because Microsoft has
// asked to wait; nothing was stored.
type TurnError struct {
	// Until is when to try again. Ahead is how many confirmed requests are before this
	// one.
	Until time.Time
	Ahead int
}

func (e *TurnError) Error() string {
	return fmt.Sprintf("Microsoft asked to wait; %d approved requests are ahead of this one", e.Ahead)
}

// Use is one use of something that the policy limits.
type Use struct {
	// Kind is one of the kinds below; most are the limit's key in the policy.
	Kind string
	// Who is the Entra object ID or Slack user ID that it counts for; empty for the
	// total.
	Who   string
	Limit authz.Limit
	// PassedOver counts the use even if the limit is reached.
	PassedOver bool
}

// The kinds of Use.
const (
	PerRequester = "per_requester"
	PerApprover  = "per_approver"
	PerTarget    = "per_target"
	Total        = "total"
	// OwnTarget and OwnTotal count, up to the same limits, revokes that took no
	// approval. They count apart, so that people who revoke their own sessions do not
	// use up what approvers need.
	OwnTarget = "per_target_own"
	OwnTotal  = "total_own"
)

// PerPerson counts an act for both of a person's accounts, because somebody could
// replace either of them with a fresh one.
func PerPerson(kind string, v authz.Asker, limit authz.Limit) []Use {
	return []Use{{Kind: kind, Who: v.EntraID, Limit: limit}, {Kind: kind, Who: v.SlackID, Limit: limit}}
}
