package slacktest

import (
	"maps"
	"slices"
)

// Methods are the names of all that the double models, for tests that look at each.
func Methods() []string { return slices.Sorted(maps.Keys(methods)) }
