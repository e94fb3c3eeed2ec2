package smpp

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/linxGnu/gosmpp/data"

	"github.com/husk-reminders/husk/pkg/provider"
)

const (
	// repliesAtOnce is how many replies, each of another address, are handled at the same time.
	repliesAtOnce = 16
	// round is for how long one Poll takes up reports, and how long those are left alone of whom something could not be handled.
	round = time.Second
)

// Came has a token when something has come that Poll would hand over.
func (s *Sender) Came() <-chan struct{} { return s.inbox.came }

// outcome is what became of an item that was handed over.
type outcome struct {
	item *item
	err  error
}

// Poll binds where nothing did yet, and hands over what the SMSC has delivered. Replies of different addresses are handled at the same time,
// those of one address in their order, and reports one after another beside them: a reply that comes in meanwhile waits for neither.
//
// The SMSC is answered after handle returned nil. Of a report whose handling failed it is told to come again (ESME_RX_T_APPN), so that its
// window is free for what people write; a reply stays here until it is handled.
func (s *Sender) Poll(ctx context.Context, handle func(context.Context, provider.Notice) error) error {
	s.begin()
	b := s.inbox
	b.polling.Lock()
	defer b.polling.Unlock()
	var failed failures
	inHand := map[string]bool{} // by what they count by
	may := func(i *item) bool { return !inHand[i.holds()] && !time.Now().Before(b.held[i.holds()]) }
	atOnce := map[provider.Kind]int{provider.Reply: repliesAtOnce, provider.ReportKind: 1}
	outcomes := make(chan outcome)
	take := func(kind provider.Kind) {
		for atOnce[kind] > 0 && ctx.Err() == nil {
			i := b.next(kind, may)
			if i == nil {
				return
			}
			atOnce[kind]--
			inHand[i.holds()] = true
			go func() {
				err := handle(ctx, i.notice)
				if errors.Is(err, provider.ErrUnknownMessage) {
					err = nil
				}
				b.settle(i, err)
				outcomes <- outcome{i, err}
			}()
		}
	}
	ends := time.Now().Add(round)
	again := time.NewTicker(round) // for who was left alone, and for the segments that wait for others
	defer again.Stop()
	b.release()
	for {
		b.overdue(s.now())
		take(provider.Reply)
		if time.Now().Before(ends) || atOnce[provider.Reply] < repliesAtOnce { // it would come back no sooner without
			take(provider.ReportKind)
		}
		if len(inHand) == 0 {
			break
		}
		select {
		case <-b.came:
		case <-again.C:
			b.release()
			failed.log(s.log)
		case x := <-outcomes:
			whose := x.item.holds()
			atOnce[x.item.notice.Kind]++
			delete(inHand, whose)
			if failed.of(x.item, x.err); x.err != nil {
				b.held[whose] = time.Now().Add(round)
			}
		}
	}
	if b.next(provider.ReportKind, may) != nil { // for the next Poll
		b.wake()
	}
	return errors.Join(ctx.Err(), failed.err())
}

// release forgets who is left alone no more.
func (b *inbox) release() {
	maps.DeleteFunc(b.held, func(_ string, until time.Time) bool { return !time.Now().Before(until) })
}

// settle answers for an item that was handed over, and takes it out unless it stays to be handled.
func (b *inbox) settle(i *item, err error) {
	switch {
	case err == nil:
		i.say(data.ESME_ROK)
	case i.stays():
		return
	default:
		i.say(data.ESME_RX_T_APPN)
	}
	b.done(i)
}
