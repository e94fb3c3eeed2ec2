package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/routing"
)

// Meter is a routing.Meter that all processes share. It stands beside the fold: a store that is emptied begins the day's counts anew, and
// Clear leaves them. Turns go by the store's clock. A store that can't be reached lets nothing pass.
type Meter struct {
	client goredis.UniversalClient
	prefix string
}

var _ routing.Meter = (*Meter)(nil)

// NewMeter makes a Meter whose keys begin with prefix, as Options.Prefix.
func NewMeter(client goredis.UniversalClient, prefix string) (*Meter, error) {
	if client == nil || prefix == "" || strings.ContainsAny(prefix, `{}*?[]\^ `) {
		return nil, errors.New(`redis: NewMeter: want a client, and a prefix with none of {}*?[]\^ and no space`)
	}
	return &Meter{client, prefix}, nil
}

var (
	meter   = goredis.NewScript(source("meter"))
	unmeter = goredis.NewScript(source("unmeter"))
)

// keys are the day's counts of a carrier and its account's next turn, which a Cluster keeps on one node.
func (m *Meter) keys(carrier, day string) []string {
	base := m.prefix + ":carrier:{" + carrier + "}:"
	return []string{base + day, base + "turn"}
}

// Take implements routing.Meter.
func (m *Meter) Take(ctx context.Context, carrier, day string, l routing.Limit, cost int) (time.Duration, error) {
	out, err := meter.Run(ctx, m.client, m.keys(carrier, day), l.Rate, l.DayCap, l.CostCap, cost, routing.Patience.Microseconds()).Int64Slice()
	if err != nil {
		return 0, failure(err)
	}
	if len(out) != 2 {
		return 0, fmt.Errorf("%w: meter", ErrFormat)
	}
	wait := time.Duration(out[1]) * time.Microsecond
	switch out[0] {
	case 0:
		return wait, nil
	case 1:
		return 0, routing.ErrDayCap
	case 2:
		return 0, routing.ErrCostCap
	}
	return wait, routing.ErrRate
}

// Give implements routing.Meter.
func (m *Meter) Give(ctx context.Context, carrier, day string, cost int) error {
	return failure(unmeter.Run(ctx, m.client, m.keys(carrier, day)[:1], cost).Err())
}

// Used implements routing.Meter.
func (m *Meter) Used(ctx context.Context, carrier, day string) (routing.Used, error) {
	var u struct {
		Messages int `redis:"messages"`
		Cost     int `redis:"cost"`
	}
	if err := m.client.HMGet(ctx, m.keys(carrier, day)[0], "messages", "cost").Scan(&u); err != nil {
		return routing.Used{}, failure(err)
	}
	return routing.Used{Messages: u.Messages, Cost: u.Cost}, nil
}
