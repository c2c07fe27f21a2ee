package server

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// Probe answers nil when the thing it looks at is fine.
type Probe func(ctx context.Context) error

// Health reports 200 when all probes pass and 503 otherwise, with the outcome
// of each in the body. Probes run side by side.
func Health(timeout time.Duration, probes map[string]Probe) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()

		var mu sync.Mutex
		var group sync.WaitGroup
		outcome := make(map[string]string, len(probes))
		code := http.StatusOK
		for name, probe := range probes {
			group.Add(1)
			go func(name string, probe Probe) {
				defer group.Done()
				err := probe(ctx)
				mu.Lock()
				defer mu.Unlock()
				outcome[name] = "ok"
				if err != nil {
					outcome[name] = err.Error()
					code = http.StatusServiceUnavailable
				}
			}(name, probe)
		}
		group.Wait()

		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		json.NewEncoder(w).Encode(outcome)
	}
}
