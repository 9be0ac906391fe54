package bot

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"revoke-sessions/graph"
)

// Difference is one way in which the account, or the planned action, no longer matches
// the card. It makes the request void.
type Difference string

// The differences. Other changes, such as a sign-in that a colleague has blocked since,
// only update the card.
const (
	Renamed        Difference = "renamed"
	GuestChanged   Difference = "guest"
	Gone           Difference = "gone"
	OtherOperation Difference = "operation"
	MoreApprovals  Difference = "more_approvals"
	NowBlocked     Difference = "now_blocked" // by a protection of the policy
	// AskedElsewhere: a newer pending request asks for the same.
	AskedElsewhere Difference = "asked_elsewhere"
	// RevokedMeanwhile: another request had the account revoked, and the card did not
	// say so.
	RevokedMeanwhile Difference = "revoked_meanwhile"
	// Unrecorded: the audit chain does not show what the stored request says.
	Unrecorded Difference = "unrecorded"
	// Altered: the stored request does not fit its digest. Somebody changed it.
	Altered Difference = "altered"
)

// Differences lists every Difference, for tests that demand words for each.
var Differences = []Difference{Renamed, GuestChanged, Gone, OtherOperation, MoreApprovals, NowBlocked, AskedElsewhere,
	RevokedMeanwhile, Unrecorded, Altered}

// CardDigest is the digest that a confirmation is bound to: of the account's identity,
// the planned action, and how many approvals it needs.
func CardDigest(u graph.User, upn string, operation, fallback graph.Operation, need int) string {
	h := sha256.New()
	for _, part := range []string{u.ID, upn, string(u.Guest), string(operation), string(fallback), fmt.Sprint(need)} {
		fmt.Fprintf(h, "%d:%s\n", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func JoinDifferences(all []Difference) string {
	words := make([]string, len(all))
	for i, d := range all {
		words[i] = string(d)
	}
	return strings.Join(words, ",")
}
