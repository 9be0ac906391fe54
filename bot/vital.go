package bot

import "time"

// The services that the bot cannot work without.
const (
	DatabaseVital = "database"
	SlackVital    = "slack"
	EntraVital    = "entra"
)

// Vital is one of these services, and what was last heard of it.
type Vital struct {
	Name string
	// Up: the last answer was no refusal and is not too old.
	Up bool
	// Worked is when it last did what was asked; zero for never.
	Worked time.Time
	// Says is, if it is not Up, what does not work since when, and what the bot cannot
	// do without it. It holds no secret and no address.
	Says string
}
