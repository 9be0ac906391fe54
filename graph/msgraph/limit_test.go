package msgraph_test

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
	"revoke-sessions/graph/msgraph"
)

func TestPrioritySaysWhoWaits(t *testing.T) {
	tenant := newTenant(t)
	quiet := context.WithValue(t.Context(), graph.NobodyWaits{}, true)
	read := func(ctx context.Context) error { _, err := tenant.client.User(ctx, tenant.carol.ID); return err }
	revoke := func(ctx context.Context) error { _, err := tenant.client.Revoke(ctx, tenant.carol.ID); return err }
	find := func(ctx context.Context) error {
		_, err := tenant.client.Find(ctx, graph.ByMail, tenant.carol.Mail)
		return err
	}
	groups := func(ctx context.Context) error {
		_, err := tenant.client.MemberOf(ctx, tenant.carol.ID, []string{unit})
		return err
	}
	own := func(ctx context.Context) error {
		_, err := tenant.client.RevokeWith(ctx, tenant.carol.ID, map[string][]string{"X-Ms-Throttle-Priority": {"Normal"}})
		return err
	}
	for name, row := range map[string]struct {
		call func(context.Context) error
		ctx  context.Context
		want string
	}{
		"a revoke":                     {revoke, t.Context(), "High"},
		"a revoke that waits for none": {revoke, quiet, "High"},
		"a look-up":                    {read, t.Context(), ""},
		"a read-back":                  {read, quiet, "Low"},
		"a search":                     {find, t.Context(), ""},
		"a search by the clock":        {find, quiet, "Low"},
		"groups, which is a POST":      {groups, t.Context(), ""},
		"groups by the clock":          {groups, quiet, "Low"},
		"the caller's own":             {own, t.Context(), "Normal"},
	} {
		before := len(tenant.Requests())
		if err := row.call(row.ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, r := range tenant.Requests()[before:] {
			if got := r.Header.Get("x-ms-throttle-priority"); got != row.want {
				t.Errorf("%s: %q, want %q", name, got, row.want)
			}
		}
	}
}

func TestLimitsAreTold(t *testing.T) {
	const ids = "/9a3d526c-b3c1-4479-ba74-197b5c5751ae/0785ef7c-2d7a-4542-b048-95bcab406e0b"
	for name, row := range map[string]struct {
		header map[string]string
		status int
		revoke bool
		want   graph.Limit
	}{
		"nothing said": {nil, 0, false, graph.Limit{Status: 200}},
		"a read":       {map[string]string{"limit-percentage": "0.85"}, 0, false, graph.Limit{Status: 200, Used: 0.85}},
		"a revoke":     {map[string]string{"limit-percentage": "1.3"}, 200, true, graph.Limit{Status: 200, Used: 1.3, Writes: true}},
		"turned away": {map[string]string{"limit-percentage": "1.8", "scope": "Tenant_Application/ReadWrite" + ids, "information": "WriteLimitExceeded"}, 429, true,
			graph.Limit{Status: 429, Used: 1.8, Writes: true, Scope: "Tenant_Application/ReadWrite", Reason: "WriteLimitExceeded"}},
		"a new code":    {map[string]string{"scope": "Region/Any" + ids, "information": "MoonPhase"}, 429, false, graph.Limit{Status: 429, Scope: "Region/Any", Reason: "MoonPhase"}},
		"no numbers":    {map[string]string{"limit-percentage": "NaN"}, 0, false, graph.Limit{Status: 200}},
		"without end":   {map[string]string{"limit-percentage": "+Inf"}, 0, false, graph.Limit{Status: 200}},
		"less than 0":   {map[string]string{"limit-percentage": "-1"}, 0, false, graph.Limit{Status: 200}},
		"no scope":      {map[string]string{"scope": ids, "information": "a <b> c"}, 429, false, graph.Limit{Status: 429}},
		"IDs in front":  {map[string]string{"scope": ids[1:]}, 429, false, graph.Limit{Status: 429}},
		"one part only": {map[string]string{"scope": "Tenant"}, 429, false, graph.Limit{Status: 429}},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			var mu sync.Mutex
			var told []graph.Limit
			client, err := msgraph.New(msgraph.Config{
				Credential: credentialFor(t, tenant.Server, tenant.Config().ClientSecret),
				GraphURL:   tenant.GraphURL(), Transport: tenant.Client().Transport,
				Limits: func(l graph.Limit) { mu.Lock(); defer mu.Unlock(); told = append(told, l) },
			})
			if err != nil {
				t.Fatal(err)
			}
			fault := graphtest.Fault{Status: row.status, Header: http.Header{}}
			for name, value := range row.header {
				fault.Header.Set("x-ms-throttle-"+name, value)
			}
			if row.status < 400 {
				fault.Status, fault.Body = 200, []byte(`{"value":[]}`)
			}
			if row.revoke && row.status < 400 {
				fault.Body = []byte(`{"value":true}`)
			}
			tenant.Inject(fault)
			if row.revoke {
				_, _ = client.Revoke(t.Context(), tenant.carol.ID)
			} else {
				_, _ = client.Find(t.Context(), graph.ByMail, tenant.carol.Mail)
			}
			mu.Lock()
			defer mu.Unlock()
			if len(told) != 1 || told[0] != row.want {
				t.Errorf("%+v, want %+v", told, row.want)
			}
		})
	}
}
