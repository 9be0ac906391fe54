#!/usr/bin/env bash
#
# slack-go's PostMessage to a response URL fails when the answer has no
# Content-Type.
#
# What people expect: a response URL that answers 200 with the body "ok" took
# the message, and PostMessage with MsgOptionResponseURL returns no error.
# PostWebhook to the same URL returns no error either.
#
# What happens: PostMessage reads the Content-Type first, to choose how to read
# the body. When the header is absent, it returns the error of Go's package
# mime. It does not look at the status 200 and the body "ok" any more. The
# server has the message. PostWebhook looks at the status alone and returns nil.
# With Content-Type: text/plain both return nil.
#
# Library: github.com/slack-go/slack v0.35.0.
# Date: 2026-11-29.
#
# Why it matters: the message is posted, but the bot thinks that it is not. If
# it tries again, people see it twice, and a response URL takes only five
# messages. A double of Slack that is not written with Go's net/http can easily
# send no Content-Type (net/http adds one by itself). A test then fails with an
# error that names neither Slack nor the URL. So a double should send the header,
# and a bot should read such an error as "not known whether it is posted".
#
# Output seen:
#> 200 "ok" without a Content-Type
#>   PostMessage: requests 1, text received "hello", error: mime: no media type
#>   PostWebhook: requests 1, text received "hello", error: none
#> 200 "ok" with Content-Type: text/plain
#>   PostMessage: requests 1, text received "hello", error: none
#>   PostWebhook: requests 1, text received "hello", error: none

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
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/slack-go/slack"
)

func main() {
	fmt.Println(`200 "ok" without a Content-Type`)
	both(nil) // an entry without a value keeps net/http from adding one
	fmt.Println(`200 "ok" with Content-Type: text/plain`)
	both([]string{"text/plain"})
}

// both posts one message in each of the two ways.
func both(contentType []string) {
	measure("PostMessage", contentType, func(ctx context.Context, address string) error {
		// The API's own address is local too, so nothing can leave the machine.
		client := slack.New("not-a-token", slack.OptionAPIURL(address+"/api/"))
		_, _, err := client.PostMessageContext(ctx, "C1",
			slack.MsgOptionText("hello", false),
			slack.MsgOptionResponseURL(address+"/response", slack.ResponseTypeEphemeral))
		return err
	})
	measure("PostWebhook", contentType, func(ctx context.Context, address string) error {
		return slack.PostWebhookContext(ctx, address+"/response", &slack.WebhookMessage{Text: "hello"})
	})
}

func measure(name string, contentType []string, post func(context.Context, string) error) {
	var requests atomic.Int32
	texts := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var message struct{ Text string }
		if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
			message.Text = err.Error()
		}
		requests.Add(1)
		texts <- message.Text
		w.Header()["Content-Type"] = contentType
		io.WriteString(w, "ok")
	}))
	defer server.Close()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	outcome := "none"
	if err := post(ctx, server.URL); err != nil {
		outcome = err.Error()
	}
	text := "nothing"
	if requests.Load() > 0 {
		text = <-texts
	}
	fmt.Printf("  %s: requests %d, text received %q, error: %s\n", name, requests.Load(), text, outcome)
}
GO

{
	go mod init finding &&
		go get github.com/slack-go/slack@v0.35.0 &&
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
