#!/usr/bin/env bash
#
# azidentity waits for a renewal until the caller's time is up, and then gives
# the token that it had all along.
#
# What people expect: when Entra's answer has a refresh_in, the token is renewed
# ahead of its end, while it is still good. If that renewal gets no answer, the
# token in hand is given, for it lives for most of an hour. So a GetToken call
# costs nothing, or a short try.
#
# What happens: once refresh_in has passed, the call of a confidential client
# tries to renew first, with all the time that the caller's context has. A token
# endpoint that does not answer uses that time up. Then GetToken returns the old
# token, without an error. The next call does the same again.
#
# Library: github.com/Azure/azure-sdk-for-go/sdk/azidentity v1.15.0
# (with github.com/AzureAD/microsoft-authentication-library-for-go v1.10.1).
# Date: 2026-11-30.
#
# Why it matters: the context of a call to Graph is usually the context of its
# token, too. GetToken succeeds, and the request that it was for has no time left.
# Each call fails while Entra's sign-in hangs, although every one of them had a
# good token. So whoever calls must give the renewal less time than it has itself.
#
# Output seen:
#> first call: no error, token 1
#> refresh_in has passed, the token endpoint does not answer, and the caller has 3s
#> call 2: no error, token 1, all of the time used: true
#> call 3: no error, token 1, all of the time used: true

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
	tenant = "11111111-1111-4111-8111-111111111111"
	client = "22222222-2222-4222-8222-222222222222"
	patience = 3 * time.Second
)

func main() {
	var requests atomic.Int32
	mux := http.NewServeMux()
	server := httptest.NewTLSServer(mux)
	base := server.URL + "/" + tenant
	mux.HandleFunc("GET /"+tenant+"/v2.0/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer":                 base + "/v2.0",
			"authorization_endpoint": base + "/oauth2/v2.0/authorize",
			"token_endpoint":         base + "/oauth2/v2.0/token",
		})
	})
	mux.HandleFunc("POST /"+tenant+"/oauth2/v2.0/token", func(w http.ResponseWriter, r *http.Request) {
		n := requests.Add(1)
		if n > 1 {
			<-r.Context().Done() // no answer
			return
		}
		answer(w, map[string]any{"token_type": "Bearer", "expires_in": 3600, "refresh_in": 1, "access_token": fmt.Sprintf("token %d", n)})
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
	get := func() (string, bool) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		token, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/.default"}})
		if err != nil {
			return "error " + err.Error(), false
		}
		return "no error, " + token.Token, ctx.Err() != nil
	}
	first, _ := get()
	fmt.Println("first call: " + first)
	time.Sleep(2 * time.Second)
	fmt.Println("refresh_in has passed, the token endpoint does not answer, and the caller has", patience)
	for n := 2; n <= 3; n++ {
		said, used := get()
		fmt.Printf("call %d: %s, all of the time used: %t\n", n, said, used)
	}
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
