package msgraph_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
	"revoke-sessions/graph/msgraph"
)

// as is a client that signs in as a delegated tenant's person.
func (d *delegated) as(t *testing.T) *msgraph.Client {
	t.Helper()
	client, err := msgraph.New(msgraph.Config{
		Credential: d.credential, GraphURL: d.GraphURL(), Transport: d.Client().Transport, Fallback: graph.RevokeSignInSessions,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// wantOwnAccount checks that a revoke was refused, for this reason.
func wantOwnAccount(t *testing.T, err error) {
	t.Helper()
	e := wantError(t, err)
	if e.Code != graph.CodeOwnAccount || e.Outcome != graph.NotDone || e.Retryable || e.Status != 0 ||
		e.Operation != graph.InvalidateAllRefreshTokens || !strings.Contains(e.Remedy, "would sign the bot out") {
		t.Errorf("%+v", e)
	}
}

// TestTheBotsOwnAccount: the double's tokens cannot be read, so that only the
// record of the sign-in tells whose they are.
func TestTheBotsOwnAccount(t *testing.T) {
	d := newDelegated(t)
	client := d.as(t)
	if who := client.SignedInAs(); who != "" {
		t.Errorf("before anything was asked: %s", who)
	}
	d.logIn(t)
	for _, id := range []string{d.dora.ID, strings.ToUpper(d.dora.ID)} {
		_, err := client.Revoke(t.Context(), id)
		wantOwnAccount(t, err)
	}
	if who := client.SignedInAs(); who != d.dora.ID {
		t.Errorf("signed in as %q", who)
	}
	if posts := d.Posts(); len(posts) != 0 {
		t.Errorf("%+v", posts)
	}
	if _, err := client.User(t.Context(), d.dora.ID); err != nil {
		t.Errorf("her account cannot be read: %v", err)
	}
	if _, err := client.Revoke(t.Context(), d.carol.ID); err != nil || len(d.Posts()) != 1 {
		t.Errorf("nor can somebody else's sessions be ended: %v, %+v", err, d.Posts())
	}
}

// TestTheOwnAccountIsTheOneOfTheLastLogin: somebody else logs in beside the
// running bot.
func TestTheOwnAccountIsTheOneOfTheLastLogin(t *testing.T) {
	d := newDelegated(t)
	client := d.as(t)
	d.logIn(t)
	if _, err := client.User(t.Context(), d.carol.ID); err != nil {
		t.Fatal(err)
	}
	before := d.dora
	d.dora = d.AddUser(graphtest.User{DisplayName: "Erin Bot", UserPrincipalName: "erin@contoso.example"})
	d.logIn(t)
	_, err := client.Revoke(t.Context(), d.dora.ID)
	wantOwnAccount(t, err)
	if who := client.SignedInAs(); who != d.dora.ID {
		t.Errorf("signed in as %q", who)
	}
	if _, err := client.Revoke(t.Context(), before.ID); err != nil || len(d.Posts()) != 1 {
		t.Errorf("the account of before: %v, %+v", err, d.Posts())
	}
}

// TestTheOwnAccountOfATokenThatIsStillGood: Entra cannot be reached, and the
// token of before serves.
func TestTheOwnAccountOfATokenThatIsStillGood(t *testing.T) {
	d := newDelegated(t)
	d.SetRefreshIn(-time.Second)
	d.logIn(t)
	client := d.as(t)
	if _, err := client.User(t.Context(), d.carol.ID); err != nil {
		t.Fatal(err)
	}
	d.Inject(graphtest.Fault{Entra: true, Reset: true})
	before := len(d.SignIns())
	_, err := client.Revoke(t.Context(), d.dora.ID)
	wantOwnAccount(t, err)
	if len(d.SignIns()) == before {
		t.Error("Entra was not asked, so that this shows nothing")
	}
}

// TestWhoseATokenIs: where a token can be read it tells, and where it cannot
// the revoke goes on.
func TestWhoseATokenIs(t *testing.T) {
	jwt := func(claims string) staticToken {
		return staticToken("e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".sig")
	}
	const somebody = "99999999-2222-3333-4444-555555555555"
	for name, row := range map[string]struct {
		token staticToken
		who   string
	}{
		"a person":       {jwt(`{"oid":"` + anybody + `","idtyp":"user"}`), anybody},
		"of older kind":  {jwt(`{"oid":"` + anybody + `","scp":"User.RevokeSessions.All"}`), anybody},
		"capitals":       {jwt(`{"oid":"` + strings.ToUpper(anybody) + `","idtyp":"user"}`), anybody},
		"another person": {jwt(`{"oid":"` + somebody + `","idtyp":"user"}`), somebody},
		"an application": {jwt(`{"oid":"` + anybody + `","idtyp":"app","roles":["User.RevokeSessions.All"]}`), ""},
		"opaque":         {"t", ""},
		"broken":         {"a.%.c", ""},
	} {
		t.Run(name, func(t *testing.T) {
			posts := 0
			client, err := msgraph.New(msgraph.Config{Credential: row.token, Transport: roundTrip(func(*http.Request) (*http.Response, error) {
				posts++
				return answering(204, ""), nil
			})})
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Revoke(t.Context(), anybody)
			if row.who == anybody {
				wantOwnAccount(t, err)
			}
			if goesOn := row.who != anybody; (err == nil) != goesOn || (posts == 1) != goesOn {
				t.Errorf("%v, %d requests", err, posts)
			}
			if got := client.SignedInAs(); got != row.who {
				t.Errorf("signed in as %q", got)
			}
		})
	}
}

// TestAnAppPaysNothingForIt: whose account it is costs an application no
// request, to Entra or to Graph.
func TestAnAppPaysNothingForIt(t *testing.T) {
	tenant := newTenant(t)
	if _, err := tenant.client.User(t.Context(), tenant.carol.ID); err != nil {
		t.Fatal(err)
	}
	signIns, requests := len(tenant.SignIns()), len(tenant.Requests())
	if _, err := tenant.client.Revoke(t.Context(), tenant.carol.ID); err != nil {
		t.Fatal(err)
	}
	if who := tenant.client.SignedInAs(); who != "" {
		t.Errorf("signed in as %q", who)
	}
	if len(tenant.SignIns()) != signIns || len(tenant.Requests()) != requests+1 {
		t.Errorf("%d and %d requests more", len(tenant.SignIns())-signIns, len(tenant.Requests())-requests)
	}
}

// TestASignInByDeviceCodeIsAPersons: without anybody announcing it, although
// the double's tokens cannot be read.
func TestASignInByDeviceCodeIsAPersons(t *testing.T) {
	d := newDelegated(t)
	d.logIn(t)
	d.Inject(graphtest.Fault{Method: http.MethodPost, Status: 403, Code: "Authorization_RequestDenied"})
	_, err := d.as(t).Revoke(t.Context(), d.carol.ID)
	if e := wantError(t, err); e.Status != 403 || e.Also != nil || len(d.Posts()) != 1 {
		t.Errorf("%+v, %+v", e, d.Posts())
	}
}
