package store

import "testing"

// An address without proof is reported, unless it stays on this machine.
func TestUnverified(t *testing.T) {
	for address, want := range map[string]bool{
		"postgres://bot@db.example/x":                              true,
		"postgres://bot@db.example/x?sslmode=require":              true,
		"postgres://bot@db.example/x?sslmode=disable":              true,
		"postgres://bot@127.0.0.1,db.example/x":                    true,
		"postgres://bot@db.example/x?sslmode=verify-full":          false,
		"postgres://bot@db.example/x?sslmode=verify-ca":            false,
		"postgres://bot@a.example,b.example/x?sslmode=verify-full": false,
		"postgres://bot@localhost/x":                               false,
		"postgres://bot@127.0.0.1/x":                               false,
		"postgres://bot@[::1]/x":                                   false,
		"postgres://bot@/x?host=/var/run/postgresql":               false,
		"postgres://bot@/x?host=/var/run/postgresql,db.example":    true,
	} {
		config, err := postgresAddress(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if got := unverified(config); got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
}

func TestTooOld(t *testing.T) {
	for version, want := range map[string]bool{
		"9.6.24": true, "12.22 (Debian 12.22-1)": true, "12beta1": true, "13": false, "13.4": false, "18.1": false, "17beta1": false, "": false,
	} {
		if err := tooOld(version); (err != nil) != want {
			t.Errorf("%q: %v", version, err)
		}
	}
}
