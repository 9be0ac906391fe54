package msgraph_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
)

// numbered makes object IDs that tell themselves apart.
func numbered(n int) string { return fmt.Sprintf("b0000000-0000-4000-8000-%012x", n) }

// paths are where the requests went, without the version.
func (t *tenant) paths() []string {
	var paths []string
	for _, r := range t.Requests() {
		paths = append(paths, r.Method+" "+strings.TrimPrefix(r.Path, "/beta"))
	}
	return paths
}

func TestMemberOf(t *testing.T) {
	tenant := newTenant(t)
	// 45 groups in a circle of three times fifteen; Carol is in every fourth.
	var all, want []string
	for n := range 45 {
		g := graphtest.Group{ID: numbered(n), DisplayName: "group"}
		if n%4 == 0 {
			g.Members = []string{tenant.carol.ID}
			want = append(want, g.ID)
		}
		all = append(all, tenant.AddGroup(g).ID)
	}
	tenant.AddMember(all[1], all[2])
	tenant.AddMember(all[2], all[1])
	tenant.AddMember(all[2], all[0])
	want = slices.Insert(want, 1, all[1], all[2])

	asked := append([]string{strings.ToUpper(all[0])}, all...)
	got, err := tenant.client.MemberOf(t.Context(), strings.ToUpper(tenant.carol.ID), asked)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	one := "POST /users/" + tenant.carol.ID + "/checkMemberGroups"
	if diff := cmp.Diff([]string{one, one, one}, tenant.paths()); diff != "" {
		t.Error(diff)
	}
	if n := len(tenant.Posts()); n != 0 {
		t.Errorf("%d revokes", n)
	}

	t.Run("nothing asked, nothing sent", func(t *testing.T) {
		got, err := tenant.client.MemberOf(t.Context(), tenant.carol.ID, nil)
		if n := len(tenant.Requests()); err != nil || got != nil || n != 3 {
			t.Errorf("%v, %v, %d requests", got, err, n)
		}
	})
	t.Run("a group that is gone", func(t *testing.T) {
		got, err := tenant.client.MemberOf(t.Context(), tenant.carol.ID, []string{numbered(99), all[0]})
		if err != nil || !slices.Equal(got, all[:1]) {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("an account that is gone", func(t *testing.T) {
		_, err := tenant.client.MemberOf(t.Context(), anybody, all)
		if e := wantError(t, err); !graph.IsNotFound(err) || !strings.Contains(e.Remedy, "group or account") {
			t.Errorf("%+v", e)
		}
	})
}

func TestNoGroupIsAskedForByName(t *testing.T) {
	tenant := newTenant(t)
	for name, ask := range map[string]func() error{
		"account": func() error { _, err := tenant.client.MemberOf(t.Context(), "..", []string{anybody}); return err },
		"a group": func() error {
			_, err := tenant.client.MemberOf(t.Context(), anybody, []string{anybody, "approvers"})
			return err
		},
		"empty group": func() error { _, err := tenant.client.MemberOf(t.Context(), anybody, []string{""}); return err },
		"members":     func() error { _, err := tenant.client.Members(t.Context(), "../me"); return err },
		"roles":       func() error { _, err := tenant.client.Privileged(t.Context(), "me-token-to-replace"); return err },
	} {
		if e := wantError(t, ask()); e.Code != graph.CodeInvalidID || e.Outcome != graph.NotDone {
			t.Errorf("%s: %+v", name, e)
		}
	}
	if n := len(tenant.Requests()) + len(tenant.SignIns()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestAnAnswerThatIsNoMembership(t *testing.T) {
	a, b := numbered(1), numbered(2)
	for name, row := range map[string]struct {
		fault graphtest.Fault
		code  string
	}{
		"another group":     {graphtest.Fault{Body: []byte(`{"value":["` + a + `","` + b + `"]}`)}, graph.CodeMismatch},
		"no GUID":           {graphtest.Fault{Body: []byte(`{"value":["approvers"]}`)}, graph.CodeUnreadable},
		"null inside":       {graphtest.Fault{Body: []byte(`{"value":[null]}`)}, graph.CodeUnreadable},
		"number inside":     {graphtest.Fault{Body: []byte(`{"value":[1]}`)}, graph.CodeUnreadable},
		"no list":           {graphtest.Fault{Body: []byte(`{}`)}, graph.CodeUnreadable},
		"null":              {graphtest.Fault{Body: []byte(`{"value":null}`)}, graph.CodeUnreadable},
		"true":              {graphtest.Fault{Body: []byte(`{"value":true}`)}, graph.CodeUnreadable},
		"empty":             {graphtest.Fault{Body: []byte{}}, graph.CodeUnreadable},
		"broken":            {graphtest.Fault{Body: []byte(`{"value":["` + a + `"`)}, graph.CodeUnreadable},
		"html":              {graphtest.Fault{Body: []byte(`<p>`), ContentType: "text/html"}, graph.CodeUnreadable},
		"204":               {graphtest.Fault{Status: 204}, graph.CodeUnreadable},
		"203 with a list":   {graphtest.Fault{Status: 203, Body: []byte(`{"value":["` + a + `"]}`)}, graph.CodeUnreadable},
		"redirect, no list": {graphtest.Fault{Status: 302, Header: http.Header{"Location": {"/beta/me"}}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			tenant.Inject(row.fault)
			got, err := tenant.client.MemberOf(t.Context(), tenant.carol.ID, []string{a})
			if e := wantError(t, err); e.Code != row.code || e.Outcome != graph.NotDone || e.Retryable || got != nil {
				t.Errorf("%+v, %v", e, got)
			}
			if n := len(tenant.Requests()); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// TestHowAQuestionFails covers a POST and a GET: neither changes anything.
func TestHowAQuestionFails(t *testing.T) {
	for name, row := range map[string]struct {
		fault     graphtest.Fault
		retryable bool
		after     time.Duration
		remedy    string
	}{
		"400":        {graphtest.Fault{Status: 400}, false, 0, "make sense"},
		"403":        {graphtest.Fault{Status: 403}, false, 0, "GroupMember.Read.All"},
		"403, other": {graphtest.Fault{Status: 403, Code: "insufficient_claims"}, false, 0, "second factor"},
		"404":        {graphtest.Fault{Status: 404}, false, 0, "group or account"},
		"404, proxy": {graphtest.Fault{Status: 404, Body: []byte("<p>"), ContentType: "text/html"}, false, 0, "proxy"},
		"429":        {graphtest.Fault{Status: 429, RetryAfter: "3"}, true, 3 * time.Second, "wait"},
		"500":        {graphtest.Fault{Status: 500}, true, 0, "error of its own"},
		"503":        {graphtest.Fault{Status: 503}, true, 0, "not available"},
		"503, asked": {graphtest.Fault{Status: 503, RetryAfter: "3"}, true, 3 * time.Second, "not available"},
		"reset":      {graphtest.Fault{Reset: true}, true, 0, "connection ended"},
		"half":       {graphtest.Fault{Reset: true, Body: []byte(`{"value":[`)}, false, 0, "connection ended"},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			tenant.Inject(row.fault)
			_, post := tenant.client.MemberOf(t.Context(), tenant.carol.ID, []string{anybody})
			_, get := tenant.client.Members(t.Context(), anybody)
			for _, err := range []error{post, get} {
				e := wantError(t, err)
				if e.Outcome != graph.NotDone || e.Retryable != row.retryable || e.RetryAfter != row.after ||
					!strings.Contains(e.Remedy, row.remedy) || graph.IsNotFound(err) != (name == "404") {
					t.Errorf("%+v", e)
				}
			}
		})
	}
}

func TestMembers(t *testing.T) {
	tenant := newTenant(t)
	dave := tenant.AddUser(graphtest.User{DisplayName: "Dave", UserPrincipalName: "dave@contoso.example", AccountEnabled: new(false)})
	erin := tenant.AddUser(graphtest.User{DisplayName: "Erin", UserPrincipalName: "erin@contoso.example", Null: []string{"accountEnabled"}})
	// Two groups in a circle, and Carol in both.
	outer := tenant.AddGroup(graphtest.Group{ID: numbered(1), DisplayName: "Approvers", Members: []string{numbered(2), tenant.carol.ID, anybody}})
	tenant.AddGroup(graphtest.Group{ID: numbered(2), Members: []string{numbered(1), tenant.carol.ID, dave.ID, erin.ID}})

	want := graph.Group{ID: outer.ID, Name: "Approvers", Members: []graph.User{
		{ID: tenant.carol.ID, DisplayName: "Carol Target", UPN: "carol@contoso.example", Mail: "carol.target@contoso.example", Disabled: graph.No},
		{ID: dave.ID, DisplayName: "Dave", UPN: "dave@contoso.example", Disabled: graph.Yes},
		{ID: erin.ID, DisplayName: "Erin", UPN: "erin@contoso.example"},
	}}
	got, err := tenant.client.Members(t.Context(), strings.ToUpper(outer.ID))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	t.Run("without User.Read.All", func(t *testing.T) {
		tenant.Withdraw("User.Read.All")
		defer tenant.Grant("User.Read.All")
		want.Members = []graph.User{{ID: tenant.carol.ID}, {ID: dave.ID}, {ID: erin.ID}}
		got, err := tenant.client.Members(t.Context(), outer.ID)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(diff, err)
		}
	})
	t.Run("without GroupMember.Read.All", func(t *testing.T) {
		tenant.Withdraw("GroupMember.Read.All")
		defer tenant.Grant("GroupMember.Read.All")
		_, err := tenant.client.Members(t.Context(), outer.ID)
		if e := wantError(t, err); !strings.Contains(e.Remedy, "GroupMember.Read.All") {
			t.Errorf("%+v", e)
		}
	})
	t.Run("told twice", func(t *testing.T) {
		one := `{"id":"` + strings.ToUpper(dave.ID) + `"},{"id":"` + dave.ID + `"}`
		defer tenant.Inject(graphtest.Fault{PathSuffix: "microsoft.graph.user", Body: []byte(`{"value":[` + one + `]}`)})()
		got, err := tenant.client.Members(t.Context(), outer.ID)
		if err != nil || len(got.Members) != 1 || got.Members[0].ID != dave.ID || got.More {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("an empty group", func(t *testing.T) {
		empty := tenant.AddGroup(graphtest.Group{DisplayName: "Empty"})
		got, err := tenant.client.Members(t.Context(), empty.ID)
		if diff := cmp.Diff(graph.Group{ID: empty.ID, Name: "Empty"}, got); diff != "" || err != nil {
			t.Error(diff, err)
		}
	})
	t.Run("no such group", func(t *testing.T) {
		_, err := tenant.client.Members(t.Context(), anybody)
		if wantError(t, err); !graph.IsNotFound(err) {
			t.Error(err)
		}
	})
}

func TestAGroupOfMany(t *testing.T) {
	for _, row := range []struct {
		members, page, read, requests int
		more                          bool
	}{
		{graph.ManyMembers, 0, graph.ManyMembers, 2, false},
		{graph.ManyMembers + 1, 0, graph.ManyMembers, 2, true},
		{graph.ManyMembers + 50, 0, graph.ManyMembers, 2, true},
		{25, 10, 25, 4, false},     // Graph may give less than was asked for
		{250, 90, 200, 4, true},    // and it is not asked for what is not wanted
		{100, 2, 40, 1 + 20, true}, // nor for ever
	} {
		t.Run(fmt.Sprint(row.members, " by ", row.page), func(t *testing.T) {
			tenant := newTenant(t)
			group := tenant.AddGroup(graphtest.Group{DisplayName: "Many"})
			for n := range row.members {
				tenant.AddUser(graphtest.User{ID: numbered(n)})
				tenant.AddMember(group.ID, numbered(n))
			}
			if row.page > 0 {
				// A service with pages of its own size.
				next := 0
				member := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "microsoft.graph.user") }
				for next < row.members {
					var page []string
					for ; next < row.members && len(page) < row.page; next++ {
						page = append(page, `{"id":"`+numbered(next)+`"}`)
					}
					body := `{"value":[` + strings.Join(page, ",") + `]`
					if next < row.members {
						body += fmt.Sprintf(`,"@odata.nextLink":"%s/beta/groups/%s/transitiveMembers/microsoft.graph.user?$skiptoken=%d"`,
							tenant.URL(), group.ID, next)
					}
					tenant.Inject(graphtest.Fault{Match: member, Body: []byte(body + "}"), Times: 1})
				}
			}
			got, err := tenant.client.Members(t.Context(), group.ID)
			if err != nil || len(got.Members) != row.read || got.More != row.more {
				t.Errorf("%d members, more %v, %v", len(got.Members), got.More, err)
			}
			for n, m := range got.Members {
				if m.ID != numbered(n) {
					t.Fatalf("member %d is %s", n, m.ID)
				}
			}
			requests := tenant.Requests()
			if len(requests) != row.requests {
				t.Errorf("%d requests", len(requests))
			}
			if row.page > 0 && requests[len(requests)-1].Query.Get("$skiptoken") == "" {
				t.Error("the last page was not the one that the link names")
			}
		})
	}
}

func TestAMemberListThatBreaksOff(t *testing.T) {
	const one = `{"id":"11111111-2222-3333-4444-555555555555"}`
	for name, row := range map[string]struct {
		first  string // the first page, "HERE" stands for the address of the list
		second graphtest.Fault
		pages  int
	}{
		"to another host":   {`{"value":[` + one + `],"@odata.nextLink":"https://evil.example/beta/groups/x"}`, graphtest.Fault{}, 1},
		"same path, evil":   {`{"value":[` + one + `],"@odata.nextLink":"https://evil.example/PATH?a=b"}`, graphtest.Fault{}, 1},
		"with a user":       {`{"value":[` + one + `],"@odata.nextLink":"https://x@HOST/PATH?a=b"}`, graphtest.Fault{}, 1},
		"no TLS":            {`{"value":[` + one + `],"@odata.nextLink":"http://HOST/PATH?a=b"}`, graphtest.Fault{}, 1},
		"to another path":   {`{"value":[` + one + `],"@odata.nextLink":"https://HOST/beta/me?a=b"}`, graphtest.Fault{}, 1},
		"up the path":       {`{"value":[` + one + `],"@odata.nextLink":"https://HOST/PATH/../../me?a=b"}`, graphtest.Fault{}, 1},
		"without a query":   {`{"value":[` + one + `],"@odata.nextLink":"https://HOST/PATH"}`, graphtest.Fault{}, 1},
		"relative":          {`{"value":[` + one + `],"@odata.nextLink":"/PATH?a=b"}`, graphtest.Fault{}, 1},
		"nonsense":          {`{"value":[` + one + `],"@odata.nextLink":"https://[::1"}`, graphtest.Fault{}, 1},
		"429":               {`{"value":[` + one + `],"@odata.nextLink":"https://HOST/PATH?a=b"}`, graphtest.Fault{Status: 429}, 2},
		"no list":           {`{"value":[` + one + `],"@odata.nextLink":"https://HOST/PATH?a=b"}`, graphtest.Fault{Body: []byte(`{}`)}, 2},
		"member without ID": {`{"value":[` + one + `],"@odata.nextLink":"https://HOST/PATH?a=b"}`, graphtest.Fault{Body: []byte(`{"value":[{"mail":"x"}]}`)}, 2},
		"member null":       {`{"value":[` + one + `],"@odata.nextLink":"https://HOST/PATH?a=b"}`, graphtest.Fault{Body: []byte(`{"value":[null]}`)}, 2},
		"cut":               {`{"value":[` + one + `],"@odata.nextLink":"https://HOST/PATH?a=b"}`, graphtest.Fault{Reset: true, Body: []byte(`{"value":[`)}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			group := tenant.AddGroup(graphtest.Group{DisplayName: "Broken"})
			path := "beta/groups/" + group.ID + "/transitiveMembers/microsoft.graph.user"
			body := strings.ReplaceAll(strings.ReplaceAll(row.first, "PATH", path), "HOST", strings.TrimPrefix(tenant.URL(), "https://"))
			tenant.Inject(graphtest.Fault{PathSuffix: path, Body: []byte(body), Times: 1})
			row.second.PathSuffix = path
			tenant.Inject(row.second)
			got, err := tenant.client.Members(t.Context(), group.ID)
			want := graph.Group{ID: group.ID, Name: "Broken", Members: []graph.User{{ID: anybody}}, More: true}
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Error(diff, err)
			}
			var pages int
			for _, r := range tenant.Requests()[1:] {
				if r.Path != "/"+path {
					t.Errorf("%s was asked for", r.Path)
				}
				pages++
			}
			if pages != row.pages {
				t.Errorf("%d pages", pages)
			}
		})
	}
}

func TestAnAnswerThatIsNotTheGroup(t *testing.T) {
	const asked, other = "b0000000-0000-4000-8000-000000000001", "b0000000-0000-4000-8000-000000000002"
	for name, row := range map[string]struct{ suffix, body, code string }{
		"another group":     {asked, `{"id":"` + other + `","displayName":"x"}`, graph.CodeMismatch},
		"no ID":             {asked, `{"displayName":"x"}`, graph.CodeUnreadable},
		"null":              {asked, `null`, graph.CodeUnreadable},
		"list":              {asked, `[]`, graph.CodeUnreadable},
		"members null":      {"microsoft.graph.user", `{"value":null}`, graph.CodeUnreadable},
		"a member is null":  {"microsoft.graph.user", `{"value":[null]}`, graph.CodeUnreadable},
		"a member no GUID":  {"microsoft.graph.user", `{"value":[{"id":"me"}]}`, graph.CodeUnreadable},
		"empty, link away":  {"microsoft.graph.user", `{"value":[],"@odata.nextLink":"https://evil.example/?a=b"}`, graph.CodeUnreadable},
		"enabled is a text": {"microsoft.graph.user", `{"value":[{"id":"` + other + `","accountEnabled":"yes"}]}`, graph.CodeUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			tenant.AddGroup(graphtest.Group{ID: asked, DisplayName: "Approvers"})
			tenant.Inject(graphtest.Fault{PathSuffix: row.suffix, Body: []byte(row.body)})
			got, err := tenant.client.Members(t.Context(), asked)
			if e := wantError(t, err); e.Code != row.code || e.Outcome != graph.NotDone || got.ID != "" || got.Members != nil {
				t.Errorf("%+v, %+v", e, got)
			}
		})
	}
}
