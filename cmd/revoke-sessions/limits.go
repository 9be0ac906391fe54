package main

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	"revoke-sessions/graph"
)

// limitSaidEvery is how often at most the log says that a limit is close.
const limitSaidEvery = time.Minute

// limitLog tells the log what Microsoft Graph says of its limits, and hands it on.
func limitLog(log *slog.Logger, next func(graph.Limit)) func(graph.Limit) {
	var mu sync.Mutex
	var said time.Time
	return func(l graph.Limit) {
		next(l)
		switch {
		case l.Status == http.StatusTooManyRequests:
			log.Warn("Microsoft Graph refused a call because a limit is reached", "scope", l.Scope, "reason", l.Reason, "used", l.Used)
		case l.Used > 0:
			mu.Lock()
			defer mu.Unlock()
			if time.Since(said) >= limitSaidEvery {
				said = time.Now()
				log.Warn("the limit of Microsoft Graph for the bot is nearly used up", "used", l.Used)
			}
		}
	}
}
