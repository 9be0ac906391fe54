package bot

// The actors in the audit rows of what a program does by itself.
const (
	// BotActor: the bot, where it goes on with what somebody decided.
	BotActor = "bot"
	// ClockActor: the time was up.
	ClockActor = "clock"
	// PolicyActor: the policy says what follows where nobody decided.
	PolicyActor = "policy"
	// ConsoleActor: a revoke at the command line.
	ConsoleActor = "cli"
)

// The actions in audit rows, beside the states that a request reaches: see Entry.Action.
// Each has words in the record that people read, or a test fails.
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

// Acts lists them all.
var Acts = []string{
	ActRequested, ActJoined, ActPreviewedAgain, ActRefused, ActReminded, ActEscalated, ActApproval, ActApprovalLapsed,
	ActCancelAsked, ActCancelAskedAgain, ActDenyPressed, ActDenyAsked, ActNotExecuted, ActHeld, ActQueued, ActUnasked,
	ActReopened, ActWithheld, ActRetryClosed, ActLateAnswer, ActStoppedLooking, ActUnmovedTold, ActUnreadTold, ActFrozen,
	ActUnfreezeAsked, ActUnfrozen, ActPolicyLoaded, ActPolicyOverridden, ActCoverage, ActClockSetBack, ActDatabaseRestored,
}
