package main

import (
	"errors"
	"strings"
	"testing"

	"revoke-sessions/bot/store"
)

// What doctor says of a PostgreSQL is about a server, and never about a file.
func TestDoctorOnPostgres(t *testing.T) {
	const path = "postgres://db.example:5432/revoke"
	for _, tt := range []struct {
		name   string
		probe  store.Probe
		err    error
		want   result
		says   string
		remedy string
	}{
		{"well", store.Probe{Schema: 3}, nil, well, "can be written to, and its schema", ""},
		{"empty", store.Probe{Missing: true}, nil, well, "is empty", ""},
		{"no proof who it is", store.Probe{Schema: 3, Unverified: true}, nil, doubtful, "right server", "sslmode=verify-full"},
		{"empty, and no proof", store.Probe{Missing: true, Unverified: true}, nil, doubtful, "right server", "sslmode=verify-full"},
		{"older, and no proof", store.Probe{Schema: 2, Unverified: true}, nil, doubtful, "has schema 2", "Make a copy"},
		{"not to be had", store.Probe{}, errors.New("no such database"), broken, "no such database", "PostgreSQL runs there"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.probe.Path, tt.probe.Server, tt.probe.Wanted = path, true, 3
			v := ofDatabase(tt.probe, tt.err)
			if v.result != tt.want || !strings.Contains(v.says, tt.says) || !strings.Contains(v.says, path) || !strings.Contains(v.remedy, tt.remedy) {
				t.Errorf("%+v", v)
			}
			if strings.Contains(v.says+v.remedy, "folder") || strings.Contains(v.says, "There is no database") {
				t.Errorf("it speaks of a file: %+v", v)
			}
		})
	}
}
