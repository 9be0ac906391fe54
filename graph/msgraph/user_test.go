package msgraph_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
)

func TestUser(t *testing.T) {
	tenant := newTenant(t)
	start := time.Now()
	got, err := tenant.client.User(t.Context(), strings.ToUpper(tenant.carol.ID))
	if err != nil {
		t.Fatal(err)
	}
	if at := got.Stamps.ReadAt; at.Before(start) || at.After(time.Now()) {
		t.Errorf("read at %v", at)
	}
	want := graph.User{
		ID: tenant.carol.ID, DisplayName: "Carol Target", UPN: "carol@contoso.example", Mail: "carol.target@contoso.example",
		Addresses: []string{"carol.target@contoso.example", "c@contoso.example"},
		Guest:     graph.No, Disabled: graph.No, Synced: graph.No, Restricted: graph.No,
		Stamps: graph.Stamps{
			RefreshTokens: tenant.carol.RefreshTokensValidFrom,
			Sessions:      tenant.carol.SignInSessionsValidFrom,
			ReadAt:        got.Stamps.ReadAt,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	if _, err := tenant.client.Revoke(t.Context(), tenant.carol.ID); err != nil {
		t.Fatal(err)
	}
	after, err := tenant.client.User(t.Context(), tenant.carol.ID)
	if err != nil || !after.Stamps.MovedSince(got.Stamps) {
		t.Errorf("%+v, %v: the stamp did not move", after.Stamps, err)
	}
}

func TestFacts(t *testing.T) {
	for name, row := range map[string]struct {
		user                    graphtest.User
		guest, disabled, synced graph.Fact
	}{
		"member":            {graphtest.User{}, graph.No, graph.No, graph.No},
		"guest by type":     {graphtest.User{UserType: "guest"}, graph.Yes, graph.No, graph.No},
		"guest by name":     {graphtest.User{UserPrincipalName: "g_x.example#ext#@contoso.example"}, graph.Yes, graph.No, graph.No},
		"guest by state":    {graphtest.User{ExternalUserState: "PendingAcceptance"}, graph.Yes, graph.No, graph.No},
		"external member":   {graphtest.User{ExternalUserState: "Accepted", UserType: "Member"}, graph.Yes, graph.No, graph.No},
		"type unknown":      {graphtest.User{Null: []string{"userType"}}, graph.Unknown, graph.No, graph.No},
		"type not there":    {graphtest.User{Missing: []string{"userType"}}, graph.Unknown, graph.No, graph.No},
		"no type, but name": {graphtest.User{UserPrincipalName: "g#EXT#@x", Missing: []string{"userType"}}, graph.Yes, graph.No, graph.No},
		"disabled":          {graphtest.User{AccountEnabled: new(false)}, graph.No, graph.Yes, graph.No},
		"enabled unknown":   {graphtest.User{Null: []string{"accountEnabled"}}, graph.No, graph.Unknown, graph.No},
		"enabled not there": {graphtest.User{Missing: []string{"accountEnabled"}}, graph.No, graph.Unknown, graph.No},
		"synced":            {graphtest.User{OnPremisesSyncEnabled: new(true)}, graph.No, graph.No, graph.Yes},
		"no longer synced":  {graphtest.User{OnPremisesSyncEnabled: new(false)}, graph.No, graph.No, graph.No},
		"synced not there":  {graphtest.User{Missing: []string{"onPremisesSyncEnabled"}}, graph.No, graph.No, graph.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			u := row.user
			if u.UserPrincipalName == "" {
				u.UserPrincipalName = "x@contoso.example"
			}
			u = tenant.AddUser(u)
			one, err := tenant.client.User(t.Context(), u.ID)
			if err != nil {
				t.Fatal(err)
			}
			list, err := tenant.client.Find(t.Context(), graph.ByUPN, u.UserPrincipalName)
			if err != nil || len(list) != 1 {
				t.Fatalf("%v, %v", list, err)
			}
			for _, got := range []graph.User{one, list[0]} {
				if got.Guest != row.guest || got.Disabled != row.disabled || got.Synced != row.synced {
					t.Errorf("%+v", got)
				}
			}
		})
	}
}

// TestRestricted: null is a no by Graph's documentation, and only null.
func TestRestricted(t *testing.T) {
	for name, row := range map[string]struct {
		user graphtest.User
		want graph.Fact
	}{
		"never":     {graphtest.User{}, graph.No},
		"no longer": {graphtest.User{IsManagementRestricted: new(false)}, graph.No},
		"yes":       {graphtest.User{IsManagementRestricted: new(true)}, graph.Yes},
		"not there": {graphtest.User{Missing: []string{"isManagementRestricted"}}, graph.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			row.user.UserPrincipalName = "x@contoso.example"
			id := tenant.AddUser(row.user).ID
			one, err := tenant.client.User(t.Context(), id)
			if err != nil || one.Restricted != row.want {
				t.Errorf("%q, want %q: %v", one.Restricted, row.want, err)
			}
			list, err := tenant.client.Find(t.Context(), graph.ByUPN, "x@contoso.example")
			if err != nil || len(list) != 1 || list[0].Restricted != row.want {
				t.Errorf("%+v, want %q: %v", list, row.want, err)
			}
			if n := len(tenant.Reads()); n != 2 {
				t.Errorf("%d reads for two questions", n)
			}
		})
	}
}

func TestStampsThatCannotBeRead(t *testing.T) {
	tenant := newTenant(t)
	stamps := []string{"refreshTokensValidFromDateTime", "signInSessionsValidFromDateTime"}
	for _, u := range []graphtest.User{{Null: stamps}, {Missing: stamps}} {
		got, err := tenant.client.User(t.Context(), tenant.AddUser(u).ID)
		if err != nil || !got.Stamps.ValidFrom().IsZero() || !got.Stamps.Known() {
			t.Errorf("%+v, %v", got.Stamps, err)
		}
	}
}

func TestAnAnswerThatIsNotTheAccount(t *testing.T) {
	const other = "11111111-2222-3333-4444-555555555555"
	for name, row := range map[string]struct {
		status int
		body   string
		code   string
	}{
		"somebody else":  {200, `{"id":"` + other + `","userPrincipalName":"x@contoso.example"}`, graph.CodeMismatch},
		"no ID":          {200, `{"userPrincipalName":"x@contoso.example"}`, graph.CodeUnreadable},
		"ID is no GUID":  {200, `{"id":"../me"}`, graph.CodeUnreadable},
		"ID is a number": {200, `{"id":5}`, ""},
		"empty object":   {200, `{}`, graph.CodeUnreadable},
		"empty":          {200, ``, graph.CodeUnreadable},
		"null":           {200, `null`, graph.CodeUnreadable},
		"list":           {200, `[]`, graph.CodeUnreadable},
		"text":           {200, `"x"`, graph.CodeUnreadable},
		"broken":         {200, `{"id":`, graph.CodeUnreadable},
		"bad stamp":      {200, `{"id":"` + other + `","refreshTokensValidFromDateTime":"yesterday"}`, graph.CodeUnreadable},
		"wrong types":    {200, `{"id":"` + other + `","accountEnabled":"yes"}`, ""},
		"204":            {204, ``, graph.CodeUnreadable},
		"203":            {203, `{"id":"` + other + `"}`, graph.CodeUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			tenant.Inject(graphtest.Fault{Status: row.status, Body: []byte(row.body)})
			got, err := tenant.client.User(t.Context(), tenant.carol.ID)
			e := wantError(t, err)
			if e.Outcome != graph.NotDone || row.code != "" && e.Code != row.code || graph.IsNotFound(err) || !cmp.Equal(got, graph.User{}) {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestHowAReadFails(t *testing.T) {
	for name, row := range map[string]struct {
		fault     graphtest.Fault
		retryable bool
		after     time.Duration
	}{
		"403":        {graphtest.Fault{Status: 403}, false, 0},
		"404":        {graphtest.Fault{Status: 404}, false, 0},
		"429":        {graphtest.Fault{Status: 429, RetryAfter: "3"}, true, 3 * time.Second},
		"500":        {graphtest.Fault{Status: 500}, true, 0},
		"502 html":   {graphtest.Fault{Status: 502, Body: []byte("<p>"), ContentType: "text/html"}, true, 0},
		"503":        {graphtest.Fault{Status: 503}, true, 0},
		"503, asked": {graphtest.Fault{Status: 503, RetryAfter: "3"}, true, 3 * time.Second},
		"reset":      {graphtest.Fault{Reset: true}, true, 0},
		"redirect":   {graphtest.Fault{Status: 302, Header: http.Header{"Location": {"/beta/me"}}}, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			tenant.Inject(row.fault)
			_, err := tenant.client.User(t.Context(), tenant.carol.ID)
			e := wantError(t, err)
			if e.Outcome != graph.NotDone || e.Retryable != row.retryable || e.RetryAfter != row.after ||
				graph.IsNotFound(err) != (name == "404") {
				t.Errorf("%+v", e)
			}
			_, err = tenant.client.Find(t.Context(), graph.ByUPN, "carol@contoso.example")
			if e := wantError(t, err); e.Outcome != graph.NotDone || e.Retryable != row.retryable {
				t.Errorf("%+v", e)
			}
			for _, r := range tenant.Requests() {
				if r.Path == "/beta/me" {
					t.Error("the redirect was followed")
				}
			}
		})
	}
}

func TestFind(t *testing.T) {
	tenant := newTenant(t)
	for _, u := range []graphtest.User{
		{UserPrincipalName: "o'brien+it&x=1#y%20z@contoso.example"},
		{UserPrincipalName: "josé@contoso.example"},
		{UserPrincipalName: "twin1@contoso.example", Mail: "twin@contoso.example"},
		{UserPrincipalName: "twin2@contoso.example", Mail: "twin@contoso.example"},
		{UserPrincipalName: "twin3@contoso.example", Mail: "twin@contoso.example"},
		{UserPrincipalName: "twin4@contoso.example", Mail: "twin@contoso.example"},
	} {
		tenant.AddUser(u)
	}
	for name, row := range map[string]struct {
		by    graph.Key
		value string
		want  []string
	}{
		"UPN":           {graph.ByUPN, "CAROL@contoso.example", []string{"carol@contoso.example"}},
		"mail":          {graph.ByMail, "carol.target@contoso.example", []string{"carol@contoso.example"}},
		"proxy":         {graph.ByProxy, "c@contoso.example", []string{"carol@contoso.example"}},
		"primary proxy": {graph.ByProxy, "carol.target@contoso.example", []string{"carol@contoso.example"}},
		"escaping":      {graph.ByUPN, "o'brien+it&x=1#y%20z@contoso.example", []string{"o'brien+it&x=1#y%20z@contoso.example"}},
		"not ASCII":     {graph.ByUPN, "josé@contoso.example", []string{"josé@contoso.example"}},
		"injection":     {graph.ByUPN, "x' or mail eq 'twin@contoso.example", nil},
		"none":          {graph.ByMail, "nobody@contoso.example", nil},
		"ambiguous":     {graph.ByMail, "twin@contoso.example", []string{"twin1@contoso.example", "twin2@contoso.example", "twin3@contoso.example"}},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := tenant.client.Find(t.Context(), row.by, row.value)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, u := range found {
				got = append(got, u.UPN)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatCannotBeLookedForNeverLeaves(t *testing.T) {
	tenant := newTenant(t)
	for _, row := range []struct {
		by    graph.Key
		value string
	}{
		{graph.ByUPN, ""}, {graph.ByMail, "a\nb"}, {graph.ByProxy, "a\x00b"}, {graph.ByUPN, "a\u007f"},
		{graph.ByUPN, "a\u202eb"}, {graph.ByUPN, "\xff"}, {graph.ByUPN, strings.Repeat("x", 321)},
		{"displayName", "carol"}, {"", "carol"},
	} {
		_, err := tenant.client.Find(t.Context(), row.by, row.value)
		if e := wantError(t, err); e.Outcome != graph.NotDone || e.Code != graph.CodeInvalidSearch {
			t.Errorf("%q: %+v", row, e)
		}
	}
	if n := len(tenant.Requests()) + len(tenant.SignIns()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestAListThatProvesNothing(t *testing.T) {
	const carol = `{"id":"11111111-2222-3333-4444-555555555555","userPrincipalName":"carol@contoso.example"}`
	for name, row := range map[string]struct {
		body string
		code string
		hits int // when code is empty
	}{
		"empty list":          {`{"value":[]}`, "", 0},
		"one":                 {`{"value":[` + carol + `]}`, "", 1},
		"more than asked":     {`{"value":[` + carol + `,` + carol + `],"@odata.nextLink":"https://x"}`, "", 2},
		"no list":             {`{}`, graph.CodeUnreadable, 0},
		"null":                {`{"value":null}`, graph.CodeUnreadable, 0},
		"null inside":         {`{"value":[null]}`, graph.CodeUnreadable, 0},
		"no ID inside":        {`{"value":[{"displayName":"x"}]}`, graph.CodeUnreadable, 0},
		"text inside":         {`{"value":["x"]}`, graph.CodeUnreadable, 0},
		"object for list":     {`{"value":{}}`, graph.CodeUnreadable, 0},
		"empty, more to come": {`{"value":[],"@odata.nextLink":"https://x"}`, graph.CodeUnreadable, 0},
		"one, more to come":   {`{"value":[` + carol + `],"@odata.nextLink":"https://x"}`, graph.CodeUnreadable, 0},
		"somebody else":       {`{"value":[` + strings.ReplaceAll(carol, "carol", "mallory") + `]}`, graph.CodeMismatch, 0},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			tenant.Inject(graphtest.Fault{Body: []byte(row.body)})
			found, err := tenant.client.Find(t.Context(), graph.ByUPN, "carol@contoso.example")
			if row.code == "" {
				if err != nil || len(found) != row.hits {
					t.Errorf("%v, %v", found, err)
				}
				return
			}
			if e := wantError(t, err); e.Code != row.code || found != nil {
				t.Errorf("%+v, %v", e, found)
			}
		})
	}
}
