package graphtest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"revoke-sessions/graph/graphtest"
)

// signIn is what a client does to get a token, with the standard library alone.
func signIn(server *graphtest.Server) (token string, err error) {
	config := server.Config()
	response, err := server.Client().PostForm(server.AuthorityURL()+"/"+config.TenantID+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {config.ClientID}, "client_secret": {config.ClientSecret},
		"scope": {"https://graph.microsoft.com/.default"},
	})
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var body struct {
		Token string `json:"access_token"`
	}
	err = json.NewDecoder(response.Body).Decode(&body)
	return body.Token, err
}

// ask sends a request to Graph and returns the status of the answer.
func ask(server *graphtest.Server, token, method, path string) (status int, err error) {
	r, err := http.NewRequest(method, server.GraphURL()+path, nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := server.Client().Do(r)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// A client signs in, revokes the sessions of an account, and the test looks at what
// arrived and what became of it.
func Example() {
	server, err := graphtest.Start(graphtest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	carol := server.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})

	token, err := signIn(server)
	if err != nil {
		fmt.Println(err)
		return
	}
	status, err := ask(server, token, http.MethodPost, "/v1.0/users('carol@contoso.example')/revokeSignInSessions")
	fmt.Println(status, err)

	for _, p := range server.Posts() {
		fmt.Println(p.Operation, "of", p.ObjectID, "applied:", p.Applied)
	}
	now, _ := server.User(carol.ID)
	fmt.Println("the stamp moved:", now.SignInSessionsValidFrom.After(carol.SignInSessionsValidFrom))
	// Output:
	// 200 <nil>
	// revokeSignInSessions of carol@contoso.example applied: true
	// the stamp moved: true
}

// A test that ends so learns that its client asks for more than the double models.
func ExampleServer_Unknown() {
	server, err := graphtest.Start(graphtest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	token, err := signIn(server)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ask(server, token, http.MethodGet, "/v1.0/users/delta"))
	for _, r := range server.Unknown() {
		fmt.Println("not modelled:", r.Method, r.Path)
	}
	// Output:
	// 501 <nil>
	// not modelled: GET /v1.0/users/delta
}

// The revoke is carried out, and its answer gets lost on the way: what the client
// makes of that is what the test is about.
func ExampleServer_Inject() {
	server, err := graphtest.Start(graphtest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	carol := server.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})
	server.Inject(graphtest.Fault{Method: http.MethodPost, Apply: true, Status: http.StatusBadGateway, Times: 1})

	token, err := signIn(server)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ask(server, token, http.MethodPost, "/beta/users/"+carol.ID+"/invalidateAllRefreshTokens"))
	fmt.Println("applied:", server.Posts()[0].Applied)
	// Output:
	// 502 <nil>
	// applied: true
}
