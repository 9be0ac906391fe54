package bot

import (
	"context"
	"time"
)

// Home is what the bot has published in one person's Home tab. A row is kept for
// HomeLife after the person has opened the tab, and is no authority.
type Home struct {
	SlackID string
	// Hash is Slack's hash of the view that the bot published last; empty if none is known.
	// Slack refuses to replace a view by another hash.
	Hash string
	// Shown is a digest of that view; empty if the next view must be published even if it
	// is the same, because it is not known which view Slack shows.
	Shown string
	// OpenedAt is when the person last opened the tab. Wide means that the view lists what
	// waits for approvers.
	OpenedAt time.Time
	Wide     bool
	// Until is when the claim lapses. It also identifies the claim.
	Until time.Time
}

const (
	// HomeLife is how long after it was opened a Home tab is kept up to date. Slack does
	// not say when somebody closes it.
	HomeLife = time.Hour
	// HomeCloses is how long before that a tab that lists what waits for approvers is
	// published without the list: nobody would correct it afterwards.
	HomeCloses = 2 * time.Minute
	// HomePause is the least time between two views for one person.
	HomePause = 5 * time.Second
	// HomeAgain is how long a Home tab that could not be drawn in full waits for the next
	// try.
	HomeAgain = time.Minute
	// HomeRefusedFor is how long nothing is published after Slack has refused every Home
	// tab.
	HomeRefusedFor = time.Hour
)

// Homes stores who has opened their Home tab. Nothing here is owed: a Home that is not
// published is published when it is opened again.
type Homes interface {
	// OpenHome notes that a person has opened their Home tab, and owes them a view.
	OpenHome(ctx context.Context, slackID string) error
	// OweHomes owes a view to the people whose open Home tab shows a request: those who
	// asked for it, and those whose tab lists what waits. An empty request concerns only
	// the latter. A view that is being published right now is owed again in any case.
	OweHomes(ctx context.Context, request string) error
	// DueHomes claims at most limit Home tabs that are owed a view, for ClaimFor, the
	// longest owed first. Each person gets one view in HomePause. It answers none for
	// HomeRefusedFor after NoteHomeTab has stored a code.
	DueHomes(ctx context.Context, limit int) ([]Home, error)
	// Published ends the claim of h, and stores its Hash and Shown. wide means that the
	// view lists what waits for approvers: then one without the list is owed HomeCloses before
	// the end of HomeLife. With a Retry the view stays owed until then;
	// without one, a view that was owed again since the claim stays owed. HomePause begins,
	// even after a failure, unless the Retry was PutOff. Nothing is noted for a claim that
	// the caller no longer has.
	Published(ctx context.Context, h Home, wide bool, retry Retry) error
	// NoteHomeTab stores why Slack refuses every Home tab, by Slack's code; empty if it
	// takes them, which costs no write if that is known.
	NoteHomeTab(ctx context.Context, code string) error
	// HomeTab returns the code and when it was noted; empty if Slack refuses none, and a
	// zero time if nothing was ever noted.
	HomeTab(ctx context.Context) (code string, at time.Time, err error)
}
