package main

import (
	"os"
	"os/user"
)

// operatorName is who the operating system says that this is.
func operatorName() string {
	current, err := user.Current()
	name, host := userName(current, err, user.LookupId), "unknown"
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}

// userName is the name that the system's directory gives a user. Where that has
// none, user.Current makes do with $USER, which proves nothing; then it is the
// number.
func userName(current *user.User, err error, lookUp func(uid string) (*user.User, error)) string {
	if err != nil {
		return "unknown"
	}
	known, err := lookUp(current.Uid)
	if err != nil {
		return "uid " + current.Uid
	}
	return known.Username
}
