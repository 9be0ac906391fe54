#!/usr/bin/env bash
#
# azidentity fetches a token that lives less than 5 minutes anew for each call.
#
# What people expect: ClientSecretCredential keeps a token until it expires.
# Its documentation says that it asks for a new token only when it cannot give
# one from its cache. So five GetToken calls in a row make one token request,
# for a token of 60 seconds as for a token of one hour.
#
# What happens: a token whose expires_in is below 300 seconds is never given
# from the cache. Each of the five calls makes a token request and gets another
# token. The token before it is still valid. A token of more than 5 minutes is
# kept as expected. The 5 minutes are a fixed margin in the cache of the MSAL
# library below azidentity.
#
# Library: github.com/Azure/azure-sdk-for-go/sdk/azidentity v1.15.0
# (with github.com/AzureAD/microsoft-authentication-library-for-go v1.10.1).
# Date: 2026-11-29.
#
# Why it matters: azidentity takes no clock. Whoever wants to test what a bot
# does when its token expires lets the double of Entra give short tokens. But a
# short token is not a long token that ends early: no call is answered from the
# cache. The test cannot show that a token is kept. It sees a token request for
# each call, and each call waits for the token endpoint. With real tokens, which
# live for about an hour, the bot does neither. A test of the cache needs tokens
# of more than 5 minutes, and counts the token requests.
#
# Output seen:
#> 5 GetToken calls per line
#> expires_in   60: token requests 5, different tokens 5, still valid 5
#> expires_in  299: token requests 5, different tokens 5, still valid 5
#> expires_in  600: token requests 1, different tokens 1, still valid 1
#> expires_in 3600: token requests 1, different tokens 1, still valid 1

set -euo pipefail

# What the head says is what is expected.
expected="$(sed -n 's/^#> //p' "${BASH_SOURCE[0]}")"

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export CGO_ENABLED=0 GOFLAGS=-mod=mod GOWORK=off

cat >main.go <<'GO'
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

const (
	calls  = 5
	tenant = "11111111-1111-4111-8111-111111111111"
	client = "22222222-2222-4222-8222-222222222222"
)

func main() {
	fmt.Println(calls, "GetToken calls per line")
	for _, seconds := range []int{60, 299, 600, 3600} {
		measure(seconds)
	}
}

// measure asks a new credential for a token a few times. The token endpoint
// gives tokens that live for so many seconds.
func measure(seconds int) {
	var requests atomic.Int32
	mux := http.NewServeMux()
	server := httptest.NewTLSServer(mux)
	defer server.Close()

	base := server.URL + "/" + tenant
	mux.HandleFunc("GET /"+tenant+"/v2.0/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer":                 base + "/v2.0",
			"authorization_endpoint": base + "/oauth2/v2.0/authorize",
			"token_endpoint":         base + "/oauth2/v2.0/token",
		})
	})
	mux.HandleFunc("POST /"+tenant+"/oauth2/v2.0/token", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"token_type":   "Bearer",
			"expires_in":   seconds,
			"access_token": fmt.Sprintf("token %d", requests.Add(1)),
		})
	})

	credential, err := azidentity.NewClientSecretCredential(tenant, client, "not-a-secret", &azidentity.ClientSecretCredentialOptions{
		ClientOptions: azcore.ClientOptions{
			Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: server.URL},
			Transport: server.Client(),
		},
		DisableInstanceDiscovery: true,
	})
	if err != nil {
		log.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	expiries := map[string]time.Time{}
	for range calls {
		token, err := credential.GetToken(ctx, policy.TokenRequestOptions{
			Scopes: []string{"https://graph.microsoft.com/.default"},
		})
		if err != nil {
			log.Fatal(err)
		}
		expiries[token.Token] = token.ExpiresOn
	}

	valid := 0
	for _, expiry := range expiries {
		if expiry.After(time.Now()) {
			valid++
		}
	}
	fmt.Printf("expires_in %4d: token requests %d, different tokens %d, still valid %d\n",
		seconds, requests.Load(), len(expiries), valid)
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Fatal(err)
	}
}
GO

{
	go mod init finding &&
		go get github.com/Azure/azure-sdk-for-go/sdk/azidentity@v1.15.0 \
			github.com/Azure/azure-sdk-for-go/sdk/azcore@v1.23.3 &&
		go build -o finding .
} >build.log 2>&1 || {
	cat build.log >&2
	echo "The program was not built, so this run says nothing about the finding." >&2
	exit 2
}

# A program that fails prints why, and that is a difference too.
observed="$(./finding 2>&1)" || true
printf '%s\n' "$observed"
if [ "$observed" != "$expected" ]; then
	echo "This differs from what the head of this script says." >&2
	exit 1
fi
