package store

import (
	"context"
	"database/sql"
)

// Pools hands tests the two pools, to ask their connections for their pragmas.
func (s *Store) Pools() (write, read *sql.DB) { return s.write, s.read }

// Erasable is what Forget looks for, to ask the database how.
const Erasable = erasable

// OldNotices is the same of notices.
const OldNotices = oldNotices

// CensusQueries are what Census asks, to ask the database how.
var CensusQueries = []string{countPending, countOwing, countOverdue, countStalled, headAndFreeze}

// OurTables are the tables whose rights are read.
var OurTables = ourTables

// SetPools has the store use others, which listen.
func (s *Store) SetPools(write, read *sql.DB) { s.write, s.read = write, read }

// Decided asks what became of a transaction by its mark.
func (s *Store) Decided(ctx context.Context, mark string) (bool, error) { return s.decided(ctx, mark) }
