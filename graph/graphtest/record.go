package graphtest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Post is a revoke that reached Graph, whatever became of it.
type Post struct {
	// ObjectID is what named the user in the path, as sent, percent-decoding
	// done: "" for /users//…, ".." for /users/../…, "me" for /me/…. Of
	// /users('key') and /users(userPrincipalName='key') it is the key.
	ObjectID string
	// Operation is invalidateAllRefreshTokens or revokeSignInSessions.
	Operation string
	// Path is the path as sent, still encoded.
	Path            string
	At              time.Time
	RequestID       string
	ClientRequestID string
	// Status is 0 as long as nothing was answered, and for ever when the
	// request was left hanging or the connection was cut before an answer.
	Status int
	// Applied says that a stamp moved.
	Applied bool
}

// Request is any request to Graph, or to Entra.
type Request struct {
	Method string
	// Path is the path as sent, still encoded.
	Path  string
	Query url.Values
	// Header is without Authorization and Cookie.
	Header          http.Header
	At              time.Time
	RequestID       string
	ClientRequestID string
	// Status is as in Post.
	Status int
}

// Posts are the revokes that reached Graph, in order of arrival.
func (s *Server) Posts() []Post {
	s.mu.Lock()
	defer s.mu.Unlock()
	posts := make([]Post, len(s.posts))
	for i, p := range s.posts {
		posts[i] = *p
	}
	return posts
}

// Requests are all requests to Graph, in order of arrival, revokes included.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return copied(s.requests, func(*Request) bool { return true })
}

// Reads are the GET requests among Requests.
func (s *Server) Reads() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return copied(s.requests, func(r *Request) bool { return r.Method == http.MethodGet })
}

// SignIns are the requests to Entra: the OpenID configuration, the token endpoint
// and whatever else is not below a version of Graph.
func (s *Server) SignIns() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return copied(s.signIns, func(*Request) bool { return true })
}

// Unknown are the requests that the double does not model, in order of arrival: it
// answered them with 501, whatever the real service would have said. A test that
// fails when the list is not empty learns that its client asks more than the double
// can answer for. Requests that a fault answered are not among them.
func (s *Server) Unknown() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return copied(s.unknown, func(*Request) bool { return true })
}

func copied(records []*Request, want func(*Request) bool) []Request {
	var out []Request
	for _, r := range records {
		if want(r) {
			out = append(out, *r)
		}
	}
	return out
}

// OnRequest calls f with each request to Graph once its answer is decided, or
// once it ended without one. f runs in the request's own goroutine, may be
// called by several at once and must not block. Nil ends it.
func (s *Server) OnRequest(f func(Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onRequest = f
}

// Changed is a channel that is closed at the next arrival or end of any
// request. To wait for something: take the channel, look, then wait on it.
func (s *Server) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// AwaitPosts waits until at least n revokes have reached Graph, answered or
// not, and returns them all.
func (s *Server) AwaitPosts(ctx context.Context, n int) ([]Post, error) {
	for {
		changed := s.Changed()
		posts := s.Posts()
		if len(posts) >= n {
			return posts, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return posts, fmt.Errorf("waiting for %d revokes, %d came: %w", n, len(posts), ctx.Err())
		}
	}
}

// visit is one request on its way through the server.
type visit struct {
	server *Server
	entra  bool
	record *Request
	post   *Post // nil unless it is a revoke
	// of is the registered application that asks, nil for the one of Config. authorize
	// finds it.
	of *registration
}

// arrive records a request.
func (s *Server) arrive(r *http.Request) *visit {
	v := &visit{server: s, record: &Request{
		Method:          r.Method,
		Path:            r.URL.EscapedPath(),
		Query:           r.URL.Query(),
		Header:          r.Header.Clone(),
		At:              s.config.Now(),
		RequestID:       newGUID(),
		ClientRequestID: r.Header.Get("client-request-id"),
	}}
	v.record.Header.Del("Authorization")
	v.record.Header.Del("Cookie")
	if v.record.ClientRequestID == "" {
		// As Graph does.
		v.record.ClientRequestID = v.record.RequestID
	}
	_, rest, isGraph := splitVersion(v.record.Path)
	v.entra = !isGraph
	if objectID, operation, ok := revokeTarget(rest); ok && isGraph && r.Method == http.MethodPost {
		v.post = &Post{
			ObjectID:        objectID,
			Operation:       operation,
			Path:            v.record.Path,
			At:              v.record.At,
			RequestID:       v.record.RequestID,
			ClientRequestID: v.record.ClientRequestID,
		}
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if v.entra {
		s.signIns = append(s.signIns, v.record)
	} else {
		s.requests = append(s.requests, v.record)
	}
	if v.post != nil {
		s.posts = append(s.posts, v.post)
	}
	s.signal()
	return v
}

// decided records the status that is about to be answered and tells whoever
// watches. It comes before the answer, so that a client that has its answer
// finds it recorded.
func (v *visit) decided(status int) {
	s := v.server
	s.mu.Lock()
	v.record.Status = status
	if v.post != nil {
		v.post.Status = status
	}
	s.signal()
	watch, record := s.onRequest, *v.record
	s.mu.Unlock()
	if watch != nil && !v.entra {
		watch(record)
	}
}

// leave tells whoever watches of a request that ended without an answer.
func (s *Server) leave(v *visit) {
	s.mu.Lock()
	answered := v.record.Status != 0
	s.mu.Unlock()
	if !answered {
		v.decided(0)
	}
}

// signal wakes everybody who waits on Changed. It wants s.mu held.
func (s *Server) signal() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// splitVersion cuts "/beta" or "/v1.0" off a path.
func splitVersion(path string) (version, rest string, ok bool) {
	for _, version := range []string{"beta", "v1.0"} {
		if rest, ok := strings.CutPrefix(path, "/"+version+"/"); ok {
			return version, rest, true
		}
	}
	return "", "", false
}

// revokeTarget tells whom a revoke names, from an encoded path without its
// version. Whatever ends in an operation is a revoke, however odd the rest.
func revokeTarget(rest string) (objectID, operation string, ok bool) {
	at := strings.LastIndex(rest, "/")
	if at < 0 {
		return "", "", false
	}
	target := rest[:at]
	last := rest[at+1:]
	if decoded, err := url.PathUnescape(last); err == nil {
		last = decoded
	}
	operation = spelled(last)
	if operation != opInvalidateTokens && operation != opRevokeSessions {
		return "", "", false
	}
	if a := parseAddress(rest); a.form == quotedKey || a.form == upnKey {
		return a.key, operation, true
	}
	first, deeper, _ := strings.Cut(target, "/")
	if spelled(first) == "users" {
		target = deeper
	}
	if decoded, err := url.PathUnescape(target); err == nil {
		target = decoded
	}
	return target, operation, true
}
