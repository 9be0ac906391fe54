// Package postgrestest is a real PostgreSQL for tests, made of the binaries
// that are installed, and a network in front of it that can be cut.
//
// The server listens on a free loopback port, keeps its data in a temporary
// folder and waits for its disk, because tests kill it. Nothing of it stays: it
// ends when Close is called, or when the process that started it is gone,
// however that ended.
//
//	s, err := postgrestest.Start(ctx)
//	if errors.Is(err, postgrestest.ErrNotInstalled) && !postgrestest.Required() {
//		t.Skip("SKIPPED: " + err.Error())
//	}
//	defer s.Close()
//	url, err := s.Database(ctx)   // empty, and nobody else's
//	line, err := postgrestest.NewProxy(url)
//	defer line.Close()
//	// point the program at line.URL(url), then:
//	line.Hang()                   // somebody pulled the cable
//	line.Mend()
//	err = s.Kill()                // and somebody the plug
//	err = s.Restart(ctx)
//
// A start takes about two seconds, a database a tenth of one, less with
// StartInMemory: a test binary starts one server and gives each test a database.
// While a server runs, so does a goroutine, which goleak sees unless it looks
// after Close.
//
// Two environment variables count. REVOKE_TEST_POSTGRES_URL names a server to
// use in place of one of our own: the address of a user who may create
// databases, which are dropped again. REVOKE_TEST_POSTGRES=required says that
// no test may be skipped for want of a server. Nothing here imports testing.
package postgrestest
