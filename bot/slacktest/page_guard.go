package slacktest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// pageHeader is on every act of the page's own script. A page from elsewhere
// cannot set it without asking first, and is never told that it may.
const pageHeader = "X-Page"

// onlyOwnPage refuses what does not come from this machine and this page: a
// name that was made to point to loopback (DNS rebinding), and acts and reads
// that a foreign page makes in the visitor's browser.
func onlyOwnPage(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if err := foreign(r); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// foreign says why a request is not the page's own.
func foreign(r *http.Request) error {
	if !loopbackHost(r.Host) {
		return errors.New("this page answers under 127.0.0.1, [::1] and localhost only")
	}
	if r.URL.Path == "/" && r.Method == http.MethodGet {
		return nil // anybody may link to it
	}
	// Browsers tell where a request comes from; "none" is the address bar.
	if site := r.Header.Get("Sec-Fetch-Site"); !slices.Contains([]string{"", "same-origin", "none"}, site) {
		return fmt.Errorf("a %s page may not read or act here", site)
	}
	if r.Method == http.MethodGet {
		return nil
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	if origin := r.Header.Get("Origin"); origin != "" && origin != scheme+r.Host {
		return errors.New("another page may not act here")
	}
	if r.Header.Get(pageHeader) != "1" {
		return errors.New("an act needs the header " + pageHeader + ": 1")
	}
	return nil
}

// loopbackHost reports whether a Host header names this machine by itself.
func loopbackHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
