package watch

import (
	"context"
	"io/fs"
	"path/filepath"
	"time"
)

type Kind int

const (
	Created Kind = iota
	Modified
	Removed
)

type Event struct {
	Path string
	Kind Kind
}

type stamp struct {
	size int64
	mod  time.Time
}

func scan(root string) map[string]stamp {
	found := make(map[string]stamp)
	filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil
		}
		if info, err := entry.Info(); err == nil {
			found[path] = stamp{info.Size(), info.ModTime()}
		}
		return nil
	})
	return found
}

func compare(before, after map[string]stamp) []Event {
	var events []Event
	for path, now := range after {
		old, known := before[path]
		if !known {
			events = append(events, Event{path, Created})
		} else if old.size != now.size || !old.mod.Equal(now.mod) {
			events = append(events, Event{path, Modified})
		}
	}
	for path := range before {
		if _, still := after[path]; !still {
			events = append(events, Event{path, Removed})
		}
	}
	return events
}

func Poll(ctx context.Context, root string, every time.Duration, notify func([]Event)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	state := scan(root)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			next := scan(root)
			if events := compare(state, next); len(events) > 0 {
				notify(events)
			}
			state = next
		}
	}
}
