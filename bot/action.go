package bot

// Actors in the audit rows of acts that no person did in Slack.
const (
	// BotActor: the bot continues what somebody decided.
	BotActor = "bot"
	// ClockActor: a time limit has passed.
	ClockActor = "clock"
	// PolicyActor: the policy says what happens if nobody decides.
	PolicyActor = "policy"
	// ConsoleActor: a revoke from the command line.
	ConsoleActor = "cli"
)

// Actions in audit rows. A row may also name a state that a request reached: see
// Entry.Action. A test fails if an action has no words in the record that people read.
const (
	ActRequested        = "requested"
	ActJoined           = "joined"
	ActPreviewedAgain   = "previewed_again"
	ActRefused          = "refused"
	ActReminded         = "reminded"
	ActEscalated        = "escalated"
	ActApproval         = "approval"
	ActApprovalLapsed   = "approval_lapsed"
	ActCancelAsked      = "cancel_asked"
	ActCancelAskedAgain = "cancel_asked_again"
	ActDenyPressed      = "deny_pressed"
	ActDenyAsked        = "deny_asked"
	ActNotExecuted      = "not_executed"
	ActHeld             = "held"
	ActQueued           = "queued"
	ActUnasked          = "unasked"
	ActReopened         = "reopened"
	ActWithheld         = "withheld"
	ActRetryClosed      = "retry_closed"
	ActLateAnswer       = "late_answer"
	ActStoppedLooking   = "stopped_looking"
	ActUnmovedTold      = "unmoved_told"
	ActUnreadTold       = "unread_told"
	ActFrozen           = "frozen"
	ActUnfreezeAsked    = "unfreeze_asked"
	ActUnfrozen         = "unfrozen"
	ActPolicyLoaded     = "policy_loaded"
	ActPolicyOverridden = "policy_overridden"
	ActCoverage         = "coverage"
	ActClockSetBack     = "clock_set_back"
	ActDatabaseRestored = "database_restored"
)

// Acts lists every action above.
var Acts = []string{
	ActRequested, ActJoined, ActPreviewedAgain, ActRefused, ActReminded, ActEscalated, ActApproval, ActApprovalLapsed,
	ActCancelAsked, ActCancelAskedAgain, ActDenyPressed, ActDenyAsked, ActNotExecuted, ActHeld, ActQueued, ActUnasked,
	ActReopened, ActWithheld, ActRetryClosed, ActLateAnswer, ActStoppedLooking, ActUnmovedTold, ActUnreadTold, ActFrozen,
	ActUnfreezeAsked, ActUnfrozen, ActPolicyLoaded, ActPolicyOverridden, ActCoverage, ActClockSetBack, ActDatabaseRestored,
}
