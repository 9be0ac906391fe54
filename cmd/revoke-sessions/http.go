package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"revoke-sessions/bot/metrics"
)

// How long a client that asks for the bot's health or metrics may take.
const (
	httpHeaders = 2 * time.Second
	httpRead    = 5 * time.Second
	httpWrite   = 10 * time.Second // longer than the database is waited for
	httpIdle    = 5 * time.Second
	httpStop    = 2 * time.Second
)

// maxHTTPHeaders is far more than a probe or a scraper sends, in bytes.
const maxHTTPHeaders = 8 << 10

// checkHTTPAddr says what is wrong with REVOKE_HTTP_ADDR, which may be empty.
func checkHTTPAddr(address string) error {
	if address == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return errors.New("REVOKE_HTTP_ADDR must be host:port, for example 127.0.0.1:9464 for this machine only, or :9464 for everybody who can reach this machine")
	}
	return nil
}

// numbers are the bot's if somebody may ask for them, or else nil.
func (c *runCommand) numbers() *metrics.Metrics {
	if c.HTTP == "" {
		return nil
	}
	return metrics.New(version())
}

// serveHTTP answers for m at the address until stop is called; of a nil m
// nobody can ask.
func serveHTTP(address string, m *metrics.Metrics, log *slog.Logger) (stop func(), err error) {
	if m == nil {
		return func() {}, nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, usageError(fmt.Sprintf("the bot did not start: REVOKE_HTTP_ADDR is %s, which cannot be opened: %v. Choose another address, or stop the program that uses it", address, err))
	}
	guests := &crowd{most: maxHTTPConns, open: map[net.Conn]presence{}}
	server := &http.Server{
		Handler: m.Handler(log), ReadHeaderTimeout: httpHeaders, ReadTimeout: httpRead, WriteTimeout: httpWrite, IdleTimeout: httpIdle,
		MaxHeaderBytes: maxHTTPHeaders, ConnState: guests.changed, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("health and metrics are no longer served", "error", err)
		}
	}()
	log.Info("serving health and metrics", "address", listener.Addr().String())
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), httpStop)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			_ = server.Close() // a client that still reads is cut off
		}
		<-done
	}, nil
}
