package msgraph

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// heard is what came of the last request to Entra in one GetToken. azidentity
// does not tell: a device code credential has one text for "never signed in",
// "signed out" and "no network", and while it waits for a person MSAL reads
// the answers up, so that none is left in its errors.
//
// It travels in the context. Only one goroutine at a time uses it.
type heard struct {
	silent bool   // there was no answer
	status int    // of the answer; 0 before any that matters
	kind   string // OAuth's word for the error, invalid_grant say
	number string // AADSTS and a number
	// expired says that a certificate was refused because its time is over.
	expired bool
	// failed is what went wrong on this machine before anything was sent, which
	// azidentity would keep as text alone.
	failed *signInError
}

type heardKey struct{}

// listening returns a context in which requests to Entra are listened to.
func listening(ctx context.Context) (context.Context, *heard) {
	h := &heard{}
	return context.WithValue(ctx, heardKey{}, h), h
}

// listener is a transport that takes note of what Entra says.
type listener struct{ next http.RoundTripper }

// maxTokenAnswer is more than Entra answers.
const maxTokenAnswer = 1 << 20

func (l listener) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := l.next.RoundTrip(r)
	h, listened := r.Context().Value(heardKey{}).(*heard)
	if !listened {
		return response, err
	}
	*h = heard{}
	if err != nil {
		h.silent = true
		return nil, err
	}
	if response.StatusCode < 400 {
		// That Entra knows the tenant says nothing of the sign-in.
		if strings.HasSuffix(r.URL.Path, "/token") {
			h.status = response.StatusCode
		}
		return response, nil
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxTokenAnswer))
	response.Body.Close()
	if err != nil {
		h.silent = true
		return nil, fmt.Errorf("reading Entra's answer: %w", err)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	h.status = response.StatusCode
	h.read(body)
	return response, nil
}

var oauthWord = regexp.MustCompile(`^[a-z_]{1,40}$`)

// keyExpired is the reason that Entra's text gives for a certificate it knows.
// There is no number for it, and no promise of the text: without it the number
// counts alone. Its twin, "The key was not found.", is quoted in
// learn.microsoft.com/answers/questions/5829166.
const keyExpired = "[Reason - The key used is expired."

// read takes the two codes out of an error of Entra's, and whether a
// certificate has expired, and nothing else.
func (h *heard) read(body []byte) {
	var said struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Codes       []int  `json:"error_codes"`
	}
	if json.Unmarshal(body, &said) != nil {
		return // not Entra's; the status speaks
	}
	if oauthWord.MatchString(said.Error) {
		h.kind = said.Error
	}
	if len(said.Codes) > 0 {
		h.number = aadsts.FindString(fmt.Sprintf("AADSTS%d", said.Codes[0]))
	}
	if h.number == "" {
		h.number = aadsts.FindString(said.Description)
	}
	h.expired = h.number == "AADSTS700027" && strings.Contains(said.Description, keyExpired)
}
