package main

import (
	"encoding/json"
	"slices"
	"time"

	"revoke-sessions/bot"
)

// changesRow changes a request's row as somebody could who may write the database,
// and leaves the audit chain as it is.
func (th *theatre) changesRow(_ bool, a []string) {
	th.t.Helper()
	th.quiet()
	id, now := th.requestID(), th.clock.now()
	db := th.openSQL("_pragma=busy_timeout(5000)")
	defer db.Close()
	var text, state, target string
	var drill int64
	if err := db.QueryRow(`SELECT body, state, target_id, drill FROM requests WHERE id = $1`, id).Scan(&text, &state, &target, &drill); err != nil {
		th.t.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		th.t.Fatal(err)
	}
	verdict := func() []any {
		return []any{map[string]any{"kind": "confirm", "slack_id": cast(a[1]), "entra_id": th.entraID(a[1]), "at": now.UTC().Format(time.RFC3339Nano)}}
	}
	var due any
	switch a[0] {
	case "approved":
		state, due = string(bot.Approved), now.UnixMicro()
		body["decisions"], body["checked_at"] = verdict(), now.UTC().Format(time.RFC3339Nano)
	case "again": // what has ended, or been called, is approved once more
		state, due = string(bot.Approved), now.UnixMicro()
		decisions, _ := body["decisions"].([]any)
		if kept := slices.DeleteFunc(decisions, func(d any) bool { return d.(map[string]any)["kind"] == "deny" }); len(kept) > 0 {
			body["decisions"] = kept
		}
		for _, gone := range []string{"attempts", "accepted_at", "seen", "ended_at"} {
			delete(body, gone)
		}
		body["checked_at"] = now.UTC().Format(time.RFC3339Nano)
	case "forget": // and the calls whose answer is not known
		due = now.UnixMicro()
		state = string(bot.Approved)
		delete(body, "attempts")
	case "approval":
		body["approvals"] = verdict()
	case "target":
		target = th.entraID(a[1])
		body["target"].(map[string]any)["id"] = target
	case "earnest":
		drill = 0
		delete(body, "drill")
	case "due":
		body["executes"], body["expires_at"], due = true, now.UTC().Format(time.RFC3339Nano), now.UnixMicro()
	default:
		th.t.Fatalf("nobody tampers like that: %q", a)
	}
	changed, err := json.Marshal(body)
	if err != nil {
		th.t.Fatal(err)
	}
	if _, err := db.Exec(`UPDATE requests SET body = $1, state = $2, target_id = $3, drill = $4, due_at = coalesce($5, due_at), version = version + 1 WHERE id = $6`,
		string(changed), state, target, drill, due, id); err != nil {
		th.t.Fatal(err)
	}
}
