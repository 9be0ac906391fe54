package bot

import "time"

// The names of those without whom the bot cannot work.
const (
	DatabaseVital = "database"
	SlackVital    = "slack"
	EntraVital    = "entra"
)

// Vital is one of the three without whom the bot cannot work, and what was last heard
// of it.
type Vital struct {
	Name string
	// Up: the last answer was no refusal, and it is not too old.
	Up bool
	// Worked is when it last did what was asked; zero for never.
	Worked time.Time
	// Says is, where it is not Up, what does not work since when, and what the
	// bot cannot do without it. It holds no secret and no address.
	Says string
}
