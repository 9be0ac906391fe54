package bot

// Urgency is how soon a message has to be sent.
type Urgency int

// The urgencies, the most urgent first.
const (
	OfOutcome Urgency = iota // what came of a decision
	OfCard                   // what asks for a decision
	OfAside                  // everything else
)
