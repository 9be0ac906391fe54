package store_test

import (
	"fmt"
	"strings"
	"testing"

	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// Concurrent writes work with any settings of an administrator.
func TestPostgres_AnyServerSettings(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{
		`default_transaction_isolation = 'serializable'`,
		`default_transaction_isolation = 'repeatable read'`,
		`synchronous_commit = 'off'`, `timezone = 'Asia/Kathmandu'`, `lock_timeout = '10ms'`,
		`bytea_output = 'escape'`, `standard_conforming_strings = 'off'`, `default_transaction_deferrable = on`, `row_security = off`,
	} {
		t.Run(setting, func(t *testing.T) {
			url := newDatabase(t, shared(t))
			raw := past(t, url)
			if _, err := raw.Exec(deadline(t), `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET `+strings.ReplaceAll(setting, "'", "''")+`', current_database()); END $$`); err != nil {
				t.Fatal(err)
			}
			s := openURL(t, url, store.Options{})
			ctx := deadline(t)
			for i, err := range atOnce(40, func(i int) error {
				r := pending(fmt.Sprint("REQ-", i), fmt.Sprint("target-", i))
				_, err := s.Commit(ctx, bot.Change{Request: r, Audit: []bot.Entry{requested(r)}})
				return err
			}) {
				if err != nil {
					t.Fatalf("writer %d: %v", i, err)
				}
			}
			if rows := chain(t, s, ""); len(rows) != 40 {
				t.Errorf("%d rows, want 40", len(rows))
			}
		})
	}
}
