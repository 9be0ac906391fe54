package bot

// Coverage says whether enough people could decide a request, as known when it was
// made.
type Coverage struct {
	// Known is false if some approvers could not be looked up.
	Known bool `json:"known"`
	// Blind: the list of approvers cannot be read until somebody fixes the set-up of
	// the bot.
	Blind bool `json:"blind,omitempty"`
	// Able counts the approvers who may decide this request. The target may not, nor
	// may a requester if the policy says so.
	Able int `json:"able"`
	// Channel is the problem with the approvers' channel, or empty.
	Channel ChannelProblem `json:"channel,omitempty"`
}
