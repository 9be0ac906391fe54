package metrics

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"revoke-sessions/bot"
)

var errNotOpen = errors.New("the database is not open yet")

// clockLate is how old the clock's last round may be: ten ticks, and as long as a claim.
const clockLate = 10 * time.Second

// scrapesAtOnce bounds the number of concurrent scrapes.
const scrapesAtOnce = 3

// Handler serves GET /healthz, which says that the process lives, /readyz, which says
// whether it can do its work, and /metrics. It serves nothing else, and no answer names
// a person, a request or a secret. log gets the reasons for missing metrics.
func (m *Metrics) Handler(log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", m.ready)
	// The scraper is near and scrapes seldom: gzip would hold 2 MB forever.
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, DisableCompression: true, MaxRequestsInFlight: scrapesAtOnce,
		Registry: m.registry, ErrorLog: &gathering{log: log},
	}))
	return mux
}

// sayMissing is how often missing metrics are logged at most.
const sayMissing = time.Minute

// gathering logs what promhttp could not gather. promhttp still serves the other metrics
// with status 200, so the scraper sees no fault: if a collector panics, its metrics
// disappear, and an alert that looks for a 0 stays silent. promhttp counts these errors
// as promhttp_metric_handler_errors_total, by cause.
// https://pkg.go.dev/github.com/prometheus/client_golang/prometheus/promhttp#HandlerOpts
type gathering struct {
	log  *slog.Logger
	said atomic.Int64 // time of the last log line, in Unix nanoseconds
}

// Println implements promhttp.Logger. promhttp calls it for each scrape with an error.
func (g *gathering) Println(said ...any) {
	now, last := time.Now().UnixNano(), g.said.Load()
	if last != 0 && now-last < int64(sayMissing) || !g.said.CompareAndSwap(last, now) {
		return
	}
	g.log.Error("some of the bot's numbers are missing; alerts that ask for them cannot fire", "error", bot.Clean(fmt.Sprint(said...), 4000))
}

func (m *Metrics) ready(w http.ResponseWriter, _ *http.Request) {
	if missing := m.unready(); len(missing) > 0 {
		plain(w, http.StatusServiceUnavailable, strings.Join(missing, "\n"))
		return
	}
	plain(w, http.StatusOK, fmt.Sprintf("ready\nopen sockets to Slack: %d; nothing has come on them for %s", m.connected(),
		m.sinceHeard().Round(time.Second)))
}

// unready lists what keeps the bot from working; empty if it is ready.
func (m *Metrics) unready() (missing []string) {
	if m.connected() == 0 {
		missing = append(missing, "no socket to Slack is open: nothing that people do arrives")
	}
	// Do not show the error, which may name hosts and users. The bot's log has it.
	if _, err := m.census(); err != nil {
		missing = append(missing, fmt.Sprintf("the database could not be read within %s: nothing can be stored or decided", censusDeadline))
	}
	if m.sinceTick() > clockLate {
		missing = append(missing, fmt.Sprintf("the clock has not finished a round for %s: what is due is not done", clockLate))
	}
	for _, v := range m.vitals() {
		if !v.Up {
			missing = append(missing, v.Says)
		}
	}
	return missing
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // the client may be gone
}
