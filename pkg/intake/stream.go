package intake

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Names of the stream of booking events and of its only consumer.
const (
	StreamName   = "HUSK_EVENTS"
	ConsumerName = "husk-intake"
)

// MaxMessage is what the stream takes of one event with its headers, in bytes: a larger one is refused to its publisher. It is
// twice MaxEvent, so that one which is only somewhat too large becomes a dead letter that a person can look at: a publisher
// that does not wait for the stream's answer would never hear of a refusal.
const MaxMessage = 2 * MaxEvent

// DefaultBatch is how many events are handled at a time.
const DefaultBatch = 256

const (
	ackWait         = time.Minute
	defaultMaxBytes = 4 << 30
)

// StreamOptions are what an installation decides of the stream.
type StreamOptions struct {
	MaxBytes int64 // room for events not yet handled; a full stream refuses new ones and loses none; 0 = 4 GiB
	Replicas int   // 0 = 1
}

// StreamConfig is HUSK_EVENTS: a work queue, so an event is gone when it was acknowledged (it carries a national id), limited by
// bytes with refusal of new events, never by age.
func StreamConfig(o StreamOptions) jetstream.StreamConfig {
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	return jetstream.StreamConfig{
		Name:        StreamName,
		Description: "booking events as published, until they are journalled",
		Subjects:    []string{SubjectPrefix + "*.*"},
		Retention:   jetstream.WorkQueuePolicy,
		Discard:     jetstream.DiscardNew,
		MaxBytes:    o.MaxBytes,
		MaxMsgSize:  MaxMessage,
		Storage:     jetstream.FileStorage,
		Replicas:    max(o.Replicas, 1),
		// One system's Nats-Msg-Id must not swallow another's event. An event that comes twice is planned once anyway; the
		// broker has no shorter window.
		Duplicates: 100 * time.Millisecond,
	}
}

// ConsumerConfig is the consumer for batches of the given size (0 = DefaultBatch). It delivers without end: giving an
// event up is Run's decision, never the broker's. What waits for its next try counts as pending, so while the Sink is down
// no more than four batches are in hand.
func ConsumerConfig(batch int) jetstream.ConsumerConfig {
	if batch == 0 {
		batch = DefaultBatch
	}
	return jetstream.ConsumerConfig{
		Durable:         ConsumerName,
		Description:     "the intake",
		DeliverPolicy:   jetstream.DeliverAllPolicy,
		AckPolicy:       jetstream.AckExplicitPolicy,
		AckWait:         ackWait,
		MaxDeliver:      -1,
		MaxAckPending:   4 * batch,
		MaxRequestBatch: batch,
		ReplayPolicy:    jetstream.ReplayInstantPolicy,
	}
}
