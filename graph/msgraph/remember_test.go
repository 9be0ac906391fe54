package msgraph

import (
	"slices"
	"testing"
	"time"
)

func TestRolesAreForgotten(t *testing.T) {
	var known knownRoles
	now := time.Now()
	if known.get(now) != nil {
		t.Error("something is known from the start")
	}
	known.put([]string{"a"}, now)
	if got := known.get(now.Add(rolesFor - time.Second)); !slices.Equal(got, []string{"a"}) {
		t.Errorf("%v", got)
	}
	if got := known.get(now.Add(rolesFor)); got != nil {
		t.Errorf("%v after ten minutes", got)
	}
}
