package main

import (
	"errors"
	"os/user"
	"testing"
)

// Without cgo, Go takes a name that is not in /etc/passwd from the environment,
// where anybody is anybody.
func TestOperatorIsNotWhoTheEnvironmentSays(t *testing.T) {
	directory := func(uid string) (*user.User, error) {
		if uid == "1000" {
			return &user.User{Uid: uid, Username: "alice"}, nil
		}
		return nil, user.UnknownUserIdError(54321)
	}
	for _, row := range []struct {
		current *user.User
		err     error
		want    string
	}{
		{&user.User{Uid: "1000", Username: "alice"}, nil, "alice"},
		{&user.User{Uid: "1000", Username: "ceo"}, nil, "alice"},
		{&user.User{Uid: "54321", Username: "ceo"}, nil, "uid 54321"},
		{nil, errors.New("no such thing"), "unknown"},
	} {
		if got := userName(row.current, row.err, directory); got != row.want {
			t.Errorf("%+v: %q, want %q", row.current, got, row.want)
		}
	}
}
