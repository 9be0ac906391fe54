#!/usr/bin/env bash
#
# slack-go's PostWebhook takes a 200 whose body says "ok":false for a success.
#
# What people expect: a response URL or a webhook that answers with Slack's usual
# {"ok":false,"error":"…"} did not take the message, and PostWebhook returns that
# error, as every method of slack-go's Client does, whatever the status is.
#
# What happens: PostWebhook looks at the status alone, and drops the body. With a 200
# it returns nil. With a 404 it returns an error that has the status, and not what the
# body says.
#
# Library: github.com/slack-go/slack v0.35.0.
# Date: 2026-11-30.
#
# Why it matters: the answer to a slash command goes to the response URL, and often
# nowhere else. A bot that counts it as delivered tries no other way, and the person
# reads nothing. So a bot must send it by itself, and read the body: empty, "ok" and
# {"ok":true} are a yes, and nothing else is.
#
# Output seen:
#> 200 ok: no error
#> 200 {"ok":true}: no error
#> 200 {"ok":false,"error":"expired_url"}: no error
#> 404 {"ok":false,"error":"expired_url"}: slack server error: 404 Not Found
#> the same 200 to auth.test: expired_url

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
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/slack-go/slack"
)

func main() {
	status, body := http.StatusOK, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	const no = `{"ok":false,"error":"expired_url"}`
	for _, row := range []struct {
		status int
		body   string
	}{{200, "ok"}, {200, `{"ok":true}`}, {200, no}, {404, no}} {
		status, body = row.status, row.body
		err := slack.PostWebhook(server.URL, &slack.WebhookMessage{Text: "hello"})
		fmt.Printf("%d %s: %s\n", row.status, row.body, says(err))
	}
	status, body = 200, no
	_, err := slack.New("xoxb-not-a-token", slack.OptionAPIURL(server.URL+"/")).AuthTest()
	fmt.Println("the same 200 to auth.test:", says(err))
}

func says(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
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
