package graph

// ManyMembers is how many members of a group are read at most.
const ManyMembers = 200

// Group is one Entra group, as far as the bot needs it.
type Group struct {
	// ID is the object ID: a GUID in lower case.
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	// Members are the user accounts in the group, directly or through other
	// groups, each once and ManyMembers at most. Only their names and Disabled
	// are read; what Graph would not tell of a member is empty or Unknown.
	Members []User `json:"members,omitempty"`
	// More: there are more than ManyMembers, or the list could not be read to
	// its end.
	More bool `json:"more,omitempty"`
}
