#!/usr/bin/env bash
#
# MaxRetries: 0 means three retries in azcore and in kiota-http-go.
#
# What people expect: MaxRetries: 0 means no retry, so the server gets one
# request.
#
# What happens: both libraries read 0 as "not set" and take their default of
# three retries. A server that always answers 503 (azcore) or 429 (kiota) gets
# four requests. MaxRetries: 1 means one retry in both. The switch that really
# turns retries off is not the same in the two:
# - azcore: MaxRetries: -1. The comment on the field says so, and it names three
#   as the default.
# - kiota: a ShouldRetry that returns false. MaxRetries: -1 also means three. The
#   comment on the field says neither of the two.
#
# Libraries: github.com/Azure/azure-sdk-for-go/sdk/azcore v1.23.3 and
# github.com/microsoft/kiota-http-go v1.5.4.
# Date: 2026-11-29.
#
# Why it matters: a bot that signs in with azidentity and calls Graph with the
# Graph SDK has both libraries in one process. An author who switches both off
# in the same way switches off at most one of them. A write is then sent up to
# four times. With the default delays the retries take several seconds. A test
# that sets 0 and counts requests sees four.
# (Here the delays are tiny: azcore RetryDelay is 1 ms, and the 429 says
# Retry-After: 0.)
#
# Output seen:
#> azcore MaxRetries  0: requests 4, last status 503
#> azcore MaxRetries  1: requests 2, last status 503
#> azcore MaxRetries -1: requests 1, last status 503
#> kiota  MaxRetries  0, ShouldRetry returns true:  requests 4, last status 429
#> kiota  MaxRetries  1, ShouldRetry returns true:  requests 2, last status 429
#> kiota  MaxRetries -1, ShouldRetry returns true:  requests 4, last status 429
#> kiota  MaxRetries  0, ShouldRetry returns false: requests 1, last status 429

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
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	khttp "github.com/microsoft/kiota-http-go"
)

func main() {
	for _, retries := range []int32{0, 1, -1} {
		requests, status := azcore(retries)
		fmt.Printf("azcore MaxRetries %2d: requests %d, last status %d\n", retries, requests, status)
	}
	for _, c := range []struct {
		retries int
		should  bool
	}{{0, true}, {1, true}, {-1, true}, {0, false}} {
		requests, status := kiota(c.retries, c.should)
		fmt.Printf("kiota  MaxRetries %2d, ShouldRetry returns %-6s requests %d, last status %d\n",
			c.retries, fmt.Sprintf("%t:", c.should), requests, status)
	}
}

// azcore sends one GET through a pipeline of azcore to a server that always
// answers 503.
func azcore(retries int32) (int32, int) {
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()

	pipeline := runtime.NewPipeline("finding", "v1.0.0", runtime.PipelineOptions{}, &policy.ClientOptions{
		Transport: server.Client(),
		Retry:     policy.RetryOptions{MaxRetries: retries, RetryDelay: time.Millisecond},
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	request, err := runtime.NewRequest(ctx, http.MethodGet, server.URL)
	if err != nil {
		log.Fatal(err)
	}
	response, err := pipeline.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	return requests.Load(), response.StatusCode
}

// kiota sends one GET through kiota's http client, with its retry handler
// alone, to a server that always answers 429 with Retry-After: 0.
func kiota(retries int, should bool) (int32, int) {
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer server.Close()

	client := khttp.GetDefaultClient(khttp.NewRetryHandlerWithOptions(khttp.RetryHandlerOptions{
		MaxRetries: retries,
		ShouldRetry: func(time.Duration, int, *http.Request, *http.Response) bool {
			return should
		},
	}))
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if err != nil {
		log.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	return requests.Load(), response.StatusCode
}
GO

{
	go mod init finding &&
		go get github.com/Azure/azure-sdk-for-go/sdk/azcore@v1.23.3 \
			github.com/microsoft/kiota-http-go@v1.5.4 &&
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
