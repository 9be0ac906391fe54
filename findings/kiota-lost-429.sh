#!/usr/bin/env bash
#
# kiota-http-go does not tell of a 429 whose Retry-After is longer than the
# caller's time.
#
# What people expect: the server answers 429 with Retry-After: 600, and the
# caller's context has 3 seconds left. The client cannot wait for so long. So it
# gives back the 429 with its Retry-After, and the caller can tell when to try
# again.
#
# What happens: the retry handler sleeps until the context ends. Then it gives
# back the error of the context, and no response. The status and the Retry-After
# are lost, although the handler has them from the first answer on. The server
# gets one request. With a ShouldRetry that returns false the same answer comes
# back complete.
#
# Library: github.com/microsoft/kiota-http-go v1.5.4.
# Date: 2026-11-29.
#
# Why it matters: Graph tells the bot to wait, and the bot tells its users that
# Graph does not answer. Each such call takes all of its time first. A test with
# a long Retry-After that looks for an error with the 429 in it never sees one.
# ShouldRetry gets the request and the response: it can compare Retry-After with
# the time that is left, and return false.
#
# Output seen:
#> The server answers 429 with Retry-After: 600, the context ends after 3 s.
#> default retry handler
#>   requests: 1
#>   status that reached the handler: 429
#>   response: none
#>   error: context deadline exceeded
#>   error is context.DeadlineExceeded: true
#>   error tells of the 429: false
#> retry handler with a ShouldRetry that returns false
#>   requests: 1
#>   status that reached the handler: 429
#>   response: status 429, Retry-After 600
#>   error: none

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
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	khttp "github.com/microsoft/kiota-http-go"
)

func main() {
	fmt.Println("The server answers 429 with Retry-After: 600, the context ends after 3 s.")
	fmt.Println("default retry handler")
	measure(khttp.NewRetryHandler())
	fmt.Println("retry handler with a ShouldRetry that returns false")
	measure(khttp.NewRetryHandlerWithOptions(khttp.RetryHandlerOptions{
		ShouldRetry: func(time.Duration, int, *http.Request, *http.Response) bool {
			return false
		},
	}))
}

// below stands between the retry handler and the network. It notes the last
// status that it hands up to the retry handler.
type below struct{ status int }

func (b *below) Intercept(pipeline khttp.Pipeline, index int, request *http.Request) (*http.Response, error) {
	response, err := pipeline.Next(request, index)
	if err == nil {
		b.status = response.StatusCode
	}
	return response, err
}

func measure(handler khttp.Middleware) {
	var throttled atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /throttled", func(w http.ResponseWriter, _ *http.Request) {
		throttled.Add(1)
		w.Header().Set("Retry-After", "600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	b := &below{}
	client := khttp.GetDefaultClient(handler, b)
	defer client.CloseIdleConnections()

	// The first request opens the connection, so that a slow machine has all of
	// the 3 seconds for the second.
	ready, err := get(client, server.URL+"/ready", time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	ready.Body.Close()

	b.status = 0
	response, err := get(client, server.URL+"/throttled", 3*time.Second)
	fmt.Println("  requests:", throttled.Load())
	fmt.Println("  status that reached the handler:", b.status)
	if response == nil {
		fmt.Println("  response: none")
	} else {
		response.Body.Close()
		fmt.Printf("  response: status %d, Retry-After %s\n", response.StatusCode, response.Header.Get("Retry-After"))
	}
	if err == nil {
		fmt.Println("  error: none")
		return
	}
	fmt.Println("  error:", err)
	fmt.Println("  error is context.DeadlineExceeded:", errors.Is(err, context.DeadlineExceeded))
	text := strings.ToLower(err.Error())
	fmt.Println("  error tells of the 429:", strings.Contains(text, "429") ||
		strings.Contains(text, "too many") || strings.Contains(text, "retry"))
}

// get takes net/http's own words away from an error: they hold the address,
// with a port that is another one each time.
func get(client *http.Client, address string, limit time.Duration) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		log.Fatal(err)
	}
	response, err := client.Do(request)
	if outer := (*url.Error)(nil); errors.As(err, &outer) {
		err = outer.Err
	}
	return response, err
}
GO

{
	go mod init finding &&
		go get github.com/microsoft/kiota-http-go@v1.5.4 &&
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
