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
	connects := store.Exposure{Says: "everybody has CONNECT", Remedy: "REVOKE ALL ON DATABASE revoke FROM PUBLIC;"}
	for _, tt := range []struct {
		name   string
		probe  store.Probe
		err    error
		want   result
		says   string
		remedy string
	}{
		{"well", store.Probe{Schema: 3}, nil, well, "can be written to, and its schema", ""},
		{"stalled, and exposed", store.Probe{Schema: 3, Stalled: []string{"REQ-ACDEFG"}, Exposed: []store.Exposure{{Says: "others may read it", Remedy: "chmod;"}}},
			nil, doubtful, "the bot cannot finish REQ-ACDEFG; others may read it", "Revoke by hand"},
		{"stalled", store.Probe{Schema: 3, Stalled: []string{"REQ-ACDEFG", "REQ-HJKMNP"}}, nil, doubtful, "cannot finish REQ-ACDEFG, REQ-HJKMNP", "Revoke by hand"},
		{"empty", store.Probe{Missing: true}, nil, well, "is empty", ""},
		{"no proof who it is", store.Probe{Schema: 3, Unverified: true}, nil, doubtful, "right server", "sslmode=verify-full"},
		{"empty, and no proof", store.Probe{Missing: true, Unverified: true}, nil, doubtful, "right server", "sslmode=verify-full"},
		{"older, and no proof", store.Probe{Schema: 2, Unverified: true}, nil, doubtful, "has schema 2", "Back up the database"},
		{"anybody may connect", store.Probe{Schema: 3, Exposed: []store.Exposure{connects}}, nil, doubtful, "everybody has CONNECT", connects.Remedy},
		{"the same, and no proof", store.Probe{Schema: 3, Exposed: []store.Exposure{connects}, Unverified: true}, nil, doubtful, "everybody has CONNECT; nothing proves", "PUBLIC; Add sslmode"},
		{"others may create", store.Probe{Unsafe: []store.Exposure{{Says: "PUBLIC may create", Remedy: "REVOKE CREATE ON SCHEMA public FROM PUBLIC;"}}}, nil, broken, "PUBLIC may create", "REVOKE CREATE ON SCHEMA public FROM PUBLIC;"},
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
