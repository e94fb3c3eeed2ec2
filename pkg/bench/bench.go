package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/config"
)

// Mode is where broker and state are.
type Mode string

const (
	// Embedded is the broker and the state in this process.
	Embedded Mode = "embedded"
	// External is a NATS and a Redis of their own.
	External Mode = "external"
)

// The sizes of a run.
const (
	fullSize  = 100_000
	quickSize = 5_000
	leastSize = 200
	mostSize  = 2_000_000 // invented people there are
)

// Options of a run.
type Options struct {
	Config    config.Config  // of external mode, nats.* and redis.*; nothing else of it is used
	Mode      Mode           // "" = Embedded
	Quick     bool           // ends within 40 s: sizes follow the machine
	Reminders int            // most reminders of a load, 200 to 2,000,000; 0 = 100,000, or 5,000 when Quick
	Redis     string         // URL of a Redis for bare loop and asynq; "" = one of our own, if redis-server is installed
	Profiles  string         // directory for one CPU profile a part; "" = none
	Dir       string         // where the data directory is made and removed; "" = the system's temporary directory
	Progress  func(Progress) // nil = nobody looks
	Log       *zap.Logger    // nil = silent
	Now       func() time.Time
}

// Progress is how far a part of the run is.
type Progress struct {
	Part  string
	Done  int
	Total int    // 0 = not known
	Said  string // what the part found; not empty once, at its end
}

// Run measures. What it began it has ended when it returns, and its data directory is gone.
func Run(ctx context.Context, o Options) (Report, error) {
	if o.Mode == "" {
		o.Mode = Embedded
	}
	if o.Mode != Embedded && o.Mode != External {
		return Report{}, errors.New("bench: mode: want embedded or external")
	}
	if o.Reminders == 0 {
		o.Reminders = fullSize
		if o.Quick {
			o.Reminders = quickSize
		}
	}
	if o.Reminders < leastSize || o.Reminders > mostSize {
		return Report{}, fmt.Errorf("bench: reminders: want %d to %d", leastSize, mostSize)
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &run{Options: o, began: o.Now(), report: Report{Mode: o.Mode, Quick: o.Quick}}
	err := r.all(ctx)
	if ended := r.end(); err == nil {
		err = ended
	}
	if err != nil {
		return Report{}, fmt.Errorf("bench: %w", err)
	}
	r.report.Seconds = r.Now().Sub(r.began).Seconds()
	return r.report, nil
}
