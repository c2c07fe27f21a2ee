package server

import (
	"context"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Serve runs srv until the process is asked to end, then lets the requests
// already under way finish, for at most grace.
func Serve(srv *http.Server, grace time.Duration, cleanup ...func() error) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	failed := make(chan error, 1)
	go func() {
		if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	}()

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		log.Print("stopping")
	}

	drain, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	err := srv.Shutdown(drain)
	for i := len(cleanup) - 1; i >= 0; i-- {
		err = errors.Join(err, cleanup[i]())
	}
	return err
}
