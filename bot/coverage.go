package bot

// Coverage is whether a request can be decided at all, as known when it was
// made.
type Coverage struct {
	// Known is false where the approvers could not all be looked up.
	Known bool `json:"known"`
	// Blind: who the approvers are cannot be read, and will not until the bot's
	// set-up is mended.
	Blind bool `json:"blind,omitempty"`
	// Able counts the approvers who may decide: neither the target nor a
	// requester who may not.
	Able int `json:"able"`
	// Channel is what is wrong with the approvers' channel, or empty.
	Channel ChannelProblem `json:"channel,omitempty"`
}
