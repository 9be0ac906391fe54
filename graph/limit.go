package graph

// NobodyWaits is a context's key, with the value true, that marks calls for
// whose answer nobody waits, a read-back say, so that Graph throttles them
// before others. It makes no difference to a revoke: somebody always waits for
// that.
type NobodyWaits struct{}

// Limit is what an answer of Graph's says of the limits to how much it may be
// asked. Nothing in it names an organisation or an app.
// Source: learn.microsoft.com/graph/throttling-limits.
type Limit struct {
	// Writes says that it was asked for a change and not for a read: the two
	// have limits of their own.
	Writes bool
	// Status is the answer's; with 429 the limit was reached.
	Status int
	// Used is the share of the limit that is used up: 1 is all of it. Graph
	// tells from 0.8 on; otherwise it is 0.
	Used float64
	// Scope says whose limit it is, "Tenant_Application/ReadWrite" say, and
	// Reason which, "WriteLimitExceeded" say. Graph tells them with 429.
	Scope, Reason string
}
