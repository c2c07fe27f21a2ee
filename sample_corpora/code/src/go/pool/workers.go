package pool

import (
	"context"
	"fmt"
	"sync"
)

type Job func(ctx context.Context) error

// Run works through jobs with at most n of them at the same time. The first
// error cancels the context given to the others and is returned.
func Run(ctx context.Context, n int, jobs []Job) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	queue := make(chan Job)
	var once sync.Once
	var first error
	fail := func(err error) {
		once.Do(func() {
			first = err
			cancel()
		})
	}

	var group sync.WaitGroup
	for i := 0; i < n; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for job := range queue {
				if err := guard(ctx, job); err != nil {
					fail(err)
				}
			}
		}()
	}

feed:
	for _, job := range jobs {
		select {
		case queue <- job:
		case <-ctx.Done():
			break feed
		}
	}
	close(queue)
	group.Wait()
	if first == nil {
		return ctx.Err()
	}
	return first
}

func guard(ctx context.Context, job Job) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("job panicked: %v", r)
		}
	}()
	return job(ctx)
}
