package msgraph

import (
	"context"
	"math"
	"regexp"
	"strconv"

	"revoke-sessions/graph"
)

// Graph's headers about its limits.
// Source: learn.microsoft.com/graph/throttling-limits, identity and access.
const (
	headerPriority = "x-ms-throttle-priority"
	headerUsed     = "x-ms-throttle-limit-percentage" // a share, 0.8 to 1.8, despite its name
	headerScope    = "x-ms-throttle-scope"
	headerReason   = "x-ms-throttle-information"
)

// priority is how early Graph may throttle a call; empty for its own choice.
// High is for what a person waits for, and only the revoke claims it: the reads
// before it can be repeated.
func (x *exchange) priority(ctx context.Context) string {
	switch {
	case x.ends != "":
		return "High"
	case ctx.Value(graph.NobodyWaits{}) == true:
		return "Low"
	default:
		return ""
	}
}

// limitScope is the scope's first two parts. Behind them are the IDs of the app
// and the organisation.
var limitScope = regexp.MustCompile(`^[A-Za-z_]{1,32}/[A-Za-z_]{1,32}`)

// limit reads what an answer says of Graph's limits.
func (x *exchange) limit() graph.Limit {
	used, err := strconv.ParseFloat(x.header.Get(headerUsed), 64)
	if err != nil || !(used > 0) || math.IsInf(used, 0) {
		used = 0
	}
	return graph.Limit{
		Writes: !x.reads(),
		Status: x.status,
		Used:   used,
		Scope:  limitScope.FindString(x.header.Get(headerScope)),
		Reason: plain(x.header.Get(headerReason)),
	}
}
