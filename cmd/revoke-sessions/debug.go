package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/graph/msgraph"
)

// exchanges tells of every request and answer that passes it, without what
// could sign anybody in: no body, and no value of a header that carries a token.
// Nor can an answer steer the terminal.
type exchanges struct {
	next http.RoundTripper
	*listing
	// headers are told, too.
	headers bool
	// given are those that the operator set.
	given givenHeaders
}

// listing is where the exchanges are told, with Graph and with Entra, which may
// go on at once.
type listing struct {
	mu  sync.Mutex
	out io.Writer
}

// RoundTrip sends the request on.
func (x *exchanges) RoundTrip(request *http.Request) (*http.Response, error) {
	began := time.Now()
	response, err := x.next.RoundTrip(request)
	_, token, _ := strings.Cut(request.Header.Get("Authorization"), " ")
	where := request.URL.Scheme + "://" + request.URL.Host + request.URL.EscapedPath()
	if x.headers && request.URL.RawQuery != "" {
		where += "?" + request.URL.RawQuery
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	fmt.Fprintf(x.out, "DEBUG: %s %s\n", request.Method, x.given.hide(where))
	x.tell("> ", request.Header, token)
	took := time.Since(began).Round(time.Millisecond)
	if err != nil {
		fmt.Fprintf(x.out, "DEBUG: no answer after %s\n", took)
		return response, err
	}
	fmt.Fprintf(x.out, "DEBUG: %s after %s\n", x.given.hide(bot.Clean(response.Status, 100)), took)
	x.tell("< ", response.Header, token)
	return response, nil
}

func (x *exchanges) tell(direction string, header http.Header, token string) {
	if !x.headers {
		return
	}
	shown := x.given.redact(msgraph.Redact(header, token))
	for _, name := range slices.Sorted(maps.Keys(shown)) {
		for _, value := range shown[name] {
			fmt.Fprintf(x.out, "DEBUG: %s%s: %s\n", direction, name, bot.Clean(value, maxLine))
		}
	}
}

// CloseIdleConnections passes on what the client asks for when it is done.
func (x *exchanges) CloseIdleConnections() {
	if t, ok := x.next.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
