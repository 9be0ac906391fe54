package bot

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Entry is one row of the audit chain: who did what, why, when, from where, and with
// what result. It never holds text that people typed, only a salted hash of it in
// Typed.
type Entry struct {
	// Action is the state reached (approved, revoked …) or another event: requested,
	// joined, refused, cancel_asked.
	Action  string `json:"action"`
	Request string `json:"request,omitempty"`
	// Actor is a Slack user ID, "clock", "bot", "cli", "policy", or "os:" and the user
	// name of somebody at the command line.
	Actor        string `json:"actor"`
	ActorEntraID string `json:"actor_entra_id,omitempty"`
	TargetID     string `json:"target_id,omitempty"`
	// Wanted is the action that was refused.
	Wanted string `json:"wanted,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Digest is what the card showed (see Request.Digest) in the row of a request or
	// decision, and the digest of the policy in a policy_loaded row.
	Digest string `json:"digest,omitempty"`
	// Changed names what made a request void.
	Changed string `json:"changed,omitempty"`
	// Have and Need count approvals, or votes to end a freeze.
	Have int `json:"have,omitempty"`
	Need int `json:"need,omitempty"`
	// Freeze is the number of the freeze that the row is about.
	Freeze int64 `json:"freeze,omitempty"`
	// Until is when a freeze ends by itself, a limit has room again, or a report that
	// nobody decides is carried out.
	Until string `json:"until,omitempty"`
	// Origin is the door by which the act came: "command C…", "click C…/ts", "home",
	// "shortcut", "shortcut on a message", or a form and by what it was opened.
	Origin string `json:"origin,omitempty"`
	// LookedUpMS is the age in milliseconds of the look-ups that the decision used.
	LookedUpMS int64 `json:"looked_up_ms,omitempty"`
	// For a call to Graph.
	Operation string `json:"operation,omitempty"`
	Status    int    `json:"status,omitempty"`
	Code      string `json:"code,omitempty"`
	// Also describes a call that Microsoft refused before Operation was called.
	Also            string `json:"also,omitempty"`
	Outcome         string `json:"outcome,omitempty"`
	RequestID       string `json:"request_id,omitempty"`
	ClientRequestID string `json:"client_request_id,omitempty"`
	StampBefore     string `json:"stamp_before,omitempty"`
	StampAfter      string `json:"stamp_after,omitempty"`
	Drill           bool   `json:"drill,omitempty"`
	// Typed is set by the store: a hash over salt and Words, or over salt and
	// the reason of a freeze.
	Typed string `json:"typed,omitempty"`
	// At is set by the store and never earlier than in the row before. Clock is the
	// reading of a clock that was set back, else zero.
	At time.Time `json:"at"`
	// Count is set in a row that sums up repetitions: how often the same person did the
	// same within a minute after an earlier row without a Count. The other fields
	// describe the last repetition, at LastAt.
	Count  int       `json:"count,omitempty"`
	LastAt string    `json:"last_at,omitempty"`
	Clock  time.Time `json:"clock,omitzero"`
	// SetBack is by how much the clock was set back.
	SetBack string `json:"set_back,omitempty"`
}

// Row is an audit row with its place in the chain.
type Row struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
	Entry
}

func (r *Request) Entry(s State, actor string) Entry {
	return Entry{Action: string(s), Request: r.ID, Actor: actor, TargetID: r.Target.ID, Drill: r.Drill}
}

// Row completes the audit row of an act that was allowed.
func (a Arrival) Row(e Entry) Entry {
	e.Wanted, e.Actor, e.Origin = "", a.UserID, a.Origin()
	return e
}

// Names is the request ID in a button's value, or empty. The request may not exist.
func (a Arrival) Names() string {
	if a.Kind == ClickArrival && RequestID.MatchString(a.Value) {
		return a.Value
	}
	return ""
}

// Origin is the place of the act, for Entry.Origin.
func (a Arrival) Origin() string {
	place := a.ChannelID + "/" + a.MessageTS
	switch {
	case a.Kind == ClickArrival && HomeButtons[a.ActionID]:
		return "home"
	case a.Kind == ClickArrival:
		return "click " + place
	case a.Kind == ShortcutArrival && a.MessageTS != "":
		return "shortcut on a message" // whose place is no row's: it would stay for ever
	case a.Kind == ShortcutArrival:
		return "shortcut"
	case a.Kind == FormArrival && a.MessageTS != "":
		return "form on " + place
	case a.Kind == FormArrival:
		return "form"
	}
	return "command " + a.ChannelID
}

// StampText formats a time for an audit row; empty for the zero time.
func StampText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// ConsoleOrigin is the Origin of acts at the command line.
const ConsoleOrigin = "command line"

// LapsedOrigin begins the Origin of an approval_lapsed row; the approver's Slack ID
// follows.
const LapsedOrigin = "approval of "

// Lapses are the approval_lapsed rows for the approvals of slackIDs.
func Lapses(r *Request, slackIDs []string) []Entry {
	var rows []Entry
	for _, id := range slackIDs {
		e := r.Entry(r.State, BotActor)
		e.Origin = LapsedOrigin + id
		e.Action = ActApprovalLapsed
		rows = append(rows, e)
	}
	return rows
}

// AlsoCalled describes the call that was refused before the attempt's last one, or is
// empty.
func AlsoCalled(a *Attempt) string {
	if a.Also == nil {
		return ""
	}
	return fmt.Sprintf("%s: status %d, code %s, request-id %s", a.Also.Operation, a.Also.Status, a.Also.Code, a.Also.RequestID)
}

// ExecutesAt is when a report is carried out if nobody decides, for its audit row;
// empty if it is not.
func (r *Request) ExecutesAt() string {
	if !r.Executes {
		return ""
	}
	return StampText(r.ExpiresAt)
}

// RowColumns are the names of the columns of Cells: seq, hash and each Entry field's
// name in JSON.
func RowColumns() []string {
	columns := []string{"seq", "hash"}
	for f := range reflect.TypeFor[Entry]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		columns = append(columns, name)
	}
	return columns
}

// Cells are the row's values as text for a spreadsheet: times in RFC 3339, unknown
// values empty, and nothing that a spreadsheet would calculate.
func (r Row) Cells() []string {
	cells := []string{strconv.FormatInt(r.Seq, 10), inertCell(r.Hash)}
	for f, v := range reflect.ValueOf(r.Entry).Fields() {
		switch value := v.Interface().(type) {
		case time.Time:
			if value.IsZero() && f.Name == "Clock" {
				cells = append(cells, "") // most rows have none
				continue
			}
			cells = append(cells, value.UTC().Format(time.RFC3339Nano))
		case string:
			cells = append(cells, inertCell(value))
		default:
			if v.IsZero() {
				cells = append(cells, "")
				continue
			}
			cells = append(cells, fmt.Sprint(value))
		}
	}
	return cells
}

// inertCell keeps a spreadsheet from reading text as a formula.
// https://owasp.org/www-community/attacks/CSV_Injection
func inertCell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}

// WordsProof says whether the stored typed text fits its hash in the chain.
type WordsProof string

// The proofs.
const (
	WordsMatch  WordsProof = "match"  // the hash in the last row that has one fits
	WordsDiffer WordsProof = "differ" // that hash does not fit: the text was changed
	WordsErased WordsProof = "erased" // the text was erased; the rows keep its hash
	WordsUnread WordsProof = "unread" // a damaged chain prevents the check
)

// Record is everything in the audit chain about one request: the evidence for a ticket.
type Record struct {
	Request string `json:"request"`
	// Words are nil if they were erased.
	Words *Words     `json:"words"`
	Proof WordsProof `json:"words_proof"`
	Rows  []Row      `json:"rows"`
	Chain struct {
		Fits bool   `json:"fits"`
		Says string `json:"says"`
	} `json:"chain"`
}

// Sound reports whether chain and hash show no sign of a change.
func (s *Record) Sound() bool { return s.Chain.Fits && s.Proof != WordsDiffer }
