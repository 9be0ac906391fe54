package bot

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Entry is one row of the audit chain: who did what, why, when, from where,
// and what came of it. What people typed is never in it; Typed holds a salted
// hash of it instead.
type Entry struct {
	// Action is the state reached (approved, revoked …) or what else
	// happened: requested, joined, refused, cancel_asked.
	Action  string `json:"action"`
	Request string `json:"request,omitempty"`
	// Actor is a Slack user ID, or "clock", "bot", "cli" or "policy", or
	// somebody on the command line: "os:" and their name there.
	Actor        string `json:"actor"`
	ActorEntraID string `json:"actor_entra_id,omitempty"`
	TargetID     string `json:"target_id,omitempty"`
	// Wanted is the action that was refused.
	Wanted string `json:"wanted,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Digest is, of a request or decision, what the card showed (see
	// Request.Digest), and of a policy_loaded, the policy's.
	Digest string `json:"digest,omitempty"`
	// Changed names what made a request void.
	Changed string `json:"changed,omitempty"`
	// Have and Need count approvals, or votes to end a freeze.
	Have int `json:"have,omitempty"`
	Need int `json:"need,omitempty"`
	// Freeze is the number of the freeze that it is about.
	Freeze int64 `json:"freeze,omitempty"`
	// Until is when a freeze ends by itself, a limit has room again, or a report
	// that nobody decides is carried out.
	Until string `json:"until,omitempty"`
	// Origin is where the act came from: "command C…", "click C…/ts".
	Origin string `json:"origin,omitempty"`
	// LookedUpMS is how old the look-ups were, in milliseconds, when they decided.
	LookedUpMS int64 `json:"looked_up_ms,omitempty"`
	// Of a call to Graph.
	Operation string `json:"operation,omitempty"`
	Status    int    `json:"status,omitempty"`
	Code      string `json:"code,omitempty"`
	// Also is what was refused before the operation that is named.
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
	// At is set by the store. It is never earlier than that of the row before;
	// Clock is what the clock said where it had been set back.
	At time.Time `json:"at"`
	// Count, in a row that speaks of earlier acts: how often the same person did
	// the same again within a minute of the row before it, which has none. The rest
	// of the row is of the last time, which was at LastAt.
	Count  int       `json:"count,omitempty"`
	LastAt string    `json:"last_at,omitempty"`
	Clock  time.Time `json:"clock,omitzero"`
	// SetBack is how far the clock was found set back.
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

// Row is the audit row of what an arrival was allowed to do.
func (a Arrival) Row(e Entry) Entry {
	e.Wanted, e.Actor, e.Origin = "", a.UserID, a.Origin()
	return e
}

// Names is the ID of the request that a button names, which is not yet known to
// exist; empty for everything else.
func (a Arrival) Names() string {
	if a.Kind == ClickArrival && RequestID.MatchString(a.Value) {
		return a.Value
	}
	return ""
}

// Origin names the place of an act for the audit chain.
func (a Arrival) Origin() string {
	switch a.Kind {
	case ClickArrival:
		return "click " + a.ChannelID + "/" + a.MessageTS
	case FormArrival:
		if a.MessageTS != "" {
			return "form on " + a.ChannelID + "/" + a.MessageTS
		}
		return "form"
	}
	return "command " + a.ChannelID
}

// StampText is a stamp in an audit row.
func StampText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// ConsoleOrigin is where an act of an operator comes from.
const ConsoleOrigin = "command line"

// LapsedOrigin comes before whose approval a row takes away.
const LapsedOrigin = "approval of "

// Lapses are the rows that say so.
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

// AlsoCalled names what was refused before the call that counts.
func AlsoCalled(a *Attempt) string {
	if a.Also == nil {
		return ""
	}
	return fmt.Sprintf("%s: status %d, code %s, request-id %s", a.Also.Operation, a.Also.Status, a.Also.Code, a.Also.RequestID)
}

// ExecutesAt is from when a report is carried out that nobody decides, for the
// row that records it; empty where none is.
func (r *Request) ExecutesAt() string {
	if !r.Executes {
		return ""
	}
	return StampText(r.ExpiresAt)
}

// RowColumns are the names of what Cells answers: seq, hash and every field of
// an Entry, named as in JSON.
func RowColumns() []string {
	columns := []string{"seq", "hash"}
	for f := range reflect.TypeFor[Entry]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		columns = append(columns, name)
	}
	return columns
}

// Cells are the row's values as text for a spreadsheet: instants in RFC 3339,
// what is not known empty, and nothing that a spreadsheet would calculate.
func (r Row) Cells() []string {
	cells := []string{strconv.FormatInt(r.Seq, 10), inertCell(r.Hash)}
	for f, v := range reflect.ValueOf(r.Entry).Fields() {
		switch value := v.Interface().(type) {
		case time.Time:
			if value.IsZero() && f.Name == "Clock" {
				cells = append(cells, "") // which most rows have not
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

// WordsProof is whether what people typed is what the chain's rows vouch for.
type WordsProof string

// The proofs.
const (
	WordsMatch  WordsProof = "match"  // the last row that has a hash has theirs
	WordsDiffer WordsProof = "differ" // it has another: they were changed
	WordsErased WordsProof = "erased" // there are none; the rows keep their hash
	WordsUnread WordsProof = "unread" // the chain is damaged so that they were not reached
)

// Record is everything that the audit chain holds of one request: the evidence
// for a ticket.
type Record struct {
	Request string `json:"request"`
	// Words are nil once they were erased.
	Words *Words     `json:"words"`
	Proof WordsProof `json:"words_proof"`
	Rows  []Row      `json:"rows"`
	Chain struct {
		Fits bool   `json:"fits"`
		Says string `json:"says"`
	} `json:"chain"`
}

// Sound reports whether nothing was changed, as far as chain and hash can tell.
func (s *Record) Sound() bool { return s.Chain.Fits && s.Proof != WordsDiffer }
