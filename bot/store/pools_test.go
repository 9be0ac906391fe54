package store

import (
	"context"
	"database/sql"
)

// Pools returns the two pools, so that tests can check their pragmas.
func (s *Store) Pools() (write, read *sql.DB) { return s.write, s.read }

// Erasable is the condition of Forget, for query plans.
const Erasable = erasable

// OldNotices is the same for notices.
const OldNotices = oldNotices

// CensusQueries are the queries of Census, for query plans.
var CensusQueries = []string{countPending, countOwing, countOverdue, countStalled, headAndFreeze}

// OurTables are the tables whose rights are checked.
var OurTables = ourTables

// SetPools replaces the pools by others that listen.
func (s *Store) SetPools(write, read *sql.DB) { s.write, s.read = write, read }

// Decided looks up a transaction by its mark.
func (s *Store) Decided(ctx context.Context, mark string) (bool, error) { return s.decided(ctx, mark) }
