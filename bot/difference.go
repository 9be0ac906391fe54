package bot

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"revoke-sessions/graph"
)

// Difference is one thing in which an account, or what would be done to it, is
// no longer what the card showed. It makes the request void.
type Difference string

// The differences. Others, such as a sign-in that a colleague has blocked
// meanwhile, only change the card.
const (
	Renamed        Difference = "renamed"
	GuestChanged   Difference = "guest"
	Gone           Difference = "gone"
	OtherOperation Difference = "operation"
	MoreApprovals  Difference = "more_approvals"
	NowBlocked     Difference = "now_blocked" // by a protection of the policy
	// AskedElsewhere: a newer request that waits asks for the same.
	AskedElsewhere Difference = "asked_elsewhere"
	// RevokedMeanwhile: the account was revoked by another request, which the card did
	// not say.
	RevokedMeanwhile Difference = "revoked_meanwhile"
	// Unrecorded: the audit chain does not show what the stored request says.
	Unrecorded Difference = "unrecorded"
	// Altered: the stored request does not fit its digest. Somebody changed it.
	Altered Difference = "altered"
)

// Differences lists every Difference, for tests that demand words for each.
var Differences = []Difference{Renamed, GuestChanged, Gone, OtherOperation, MoreApprovals, NowBlocked, AskedElsewhere,
	RevokedMeanwhile, Unrecorded, Altered}

// CardDigest is what a confirmation is bound to, as a digest: the identity of the
// account, what would be done to it, and how many must say so.
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
