package limit

import (
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

type Window struct {
	mu   sync.Mutex
	max  int
	span time.Duration
	seen map[string][]time.Time
}

func NewWindow(max int, span time.Duration) *Window {
	return &Window{max: max, span: span, seen: make(map[string][]time.Time)}
}

func (w *Window) hit(key string, now time.Time) (ok bool, retry time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	hits := w.seen[key]
	start := 0
	for start < len(hits) && now.Sub(hits[start]) >= w.span {
		start++
	}
	hits = hits[start:]
	if len(hits) >= w.max {
		w.seen[key] = hits
		return false, w.span - now.Sub(hits[0])
	}
	w.seen[key] = append(hits, now)
	return true, 0
}

func (w *Window) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			host = r.RemoteAddr
		}
		ok, retry := w.hit(host, time.Now())
		if !ok {
			rw.Header().Set("Retry-After", strconv.Itoa(int(retry.Seconds())+1))
			http.Error(rw, "slow down", http.StatusTooManyRequests)
			return
		}
		next.ServeHTTP(rw, r)
	})
}
