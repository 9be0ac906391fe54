package store_test

import (
	"context"
	"testing"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/store"
)

// Connections that the server has ended do no harm: the next read gets another one.
func TestReads_AfterConnectionsWereLost(t *testing.T) {
	t.Parallel()
	server := shared(t)
	for name, one := range map[string]func(ctx context.Context, s *store.Store) error{
		"Request": func(ctx context.Context, s *store.Store) error { _, err := s.Request(ctx, "REQ-ACDEFG"); return err },
		"PendingFor": func(ctx context.Context, s *store.Store) error {
			_, _, err := s.PendingFor(ctx, "carol", authz.ThirdParty, false)
			return err
		},
		"Open":         func(ctx context.Context, s *store.Store) error { _, err := s.Open(ctx, "", 10); return err },
		"LastAccepted": func(ctx context.Context, s *store.Store) error { _, err := s.LastAccepted(ctx, "carol"); return err },
		"LastRevoke": func(ctx context.Context, s *store.Store) error {
			_, _, err := s.LastRevoke(ctx, "carol", "")
			return err
		},
		"Frozen":       func(ctx context.Context, s *store.Store) error { _, _, err := s.Frozen(ctx); return err },
		"FreezePlaces": func(ctx context.Context, s *store.Store) error { _, err := s.FreezePlaces(ctx, 1); return err },
		"LastPulled": func(ctx context.Context, s *store.Store) error {
			_, err := s.LastPulled(ctx, authz.Asker{SlackID: "U-BOB"})
			return err
		},
		"Due":       func(ctx context.Context, s *store.Store) error { _, err := s.Due(ctx, 10); return err },
		"Places":    func(ctx context.Context, s *store.Store) error { _, err := s.Places(ctx, "REQ-ACDEFG"); return err },
		"Stands":    func(ctx context.Context, s *store.Store) error { _, err := s.Stands(ctx, "C1", "1.1"); return err },
		"Arrival":   func(ctx context.Context, s *store.Store) error { _, err := s.Arrival(ctx, 1); return err },
		"FormLedTo": func(ctx context.Context, s *store.Store) error { _, _, err := s.FormLedTo(ctx, "key"); return err },
		"OpenHome":  func(ctx context.Context, s *store.Store) error { return s.OpenHome(ctx, "U-BOB") },
		"OweHomes":  func(ctx context.Context, s *store.Store) error { return s.OweHomes(ctx, "REQ-ACDEFG") },
		"DueHomes":  func(ctx context.Context, s *store.Store) error { _, err := s.DueHomes(ctx, 10); return err },
		"Published": func(ctx context.Context, s *store.Store) error {
			return s.Published(ctx, bot.Home{SlackID: "U-BOB"}, false, bot.Retry{})
		},
		"HomeTab":     func(ctx context.Context, s *store.Store) error { _, _, err := s.HomeTab(ctx); return err },
		"NoteHomeTab": func(ctx context.Context, s *store.Store) error { return s.NoteHomeTab(ctx, "not_enabled") },
		"Head":        func(ctx context.Context, s *store.Store) error { _, err := s.Head(ctx); return err },
		"Audit":       func(ctx context.Context, s *store.Store) error { _, err := s.Audit(ctx, ""); return err },
		"Story":       func(ctx context.Context, s *store.Store) error { _, err := s.Story(ctx, "REQ-ACDEFG"); return err },
		"Forget":      func(ctx context.Context, s *store.Store) error { return s.Forget(ctx, month) },
		"Census":      func(ctx context.Context, s *store.Store) error { _, err := s.Census(ctx); return err },
		"Record":      func(ctx context.Context, s *store.Store) error { return s.Record(ctx, 0, bot.Entry{Action: "refused"}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := newDatabase(t, server)
			s := openURL(t, url, store.Options{})
			create(t, s, pending("REQ-ACDEFG", "carol"))
			receive(t, s, arrival(1))
			ctx := deadline(t)
			// Ten connections that were used a moment ago: the driver believes that they work.
			for range 3 {
				for _, err := range atOnce(10, func(int) error { _, err := s.Request(ctx, "REQ-ACDEFG"); return err }) {
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := server.Disconnect(ctx, url); err != nil {
				t.Fatal(err)
			}
			for range 10 {
				if err := one(ctx, s); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
