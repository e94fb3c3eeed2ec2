package web

import (
	"context"
	"slices"

	"github.com/husk-reminders/husk/pkg/ledger"
)

// Take is what POST /v1/replies/wishes/{id}/take and /v1/replies/misdeliveries/{id}/take take.
type Take struct {
	Reason string `json:"reason,omitempty"` // for the audit
}

// Taken answers it.
type Taken struct {
	ID string `json:"id"`
	ledger.Taken
}

type takeWishInput struct {
	ID   string `path:"id" pattern:"^[0-9a-f]{24}$" patternDescription:"the id of an entry in the inbox"`
	Body Take
}

func (a *API) takeWish(ctx context.Context, c *caller, in *takeWishInput) (Taken, error) {
	reason, err := reasonOf(in.Body.Reason, false)
	if err != nil {
		return Taken{}, err
	}
	person, of, err := a.ofWish(ctx, in.ID)
	if err != nil {
		return Taken{}, err
	}
	if err := a.audit(ctx, c, of, "reply.take "+in.ID, person, "", reason); err != nil {
		return Taken{}, err
	}
	t, err := a.o.Ledger.Take(ctx, in.ID, c.actor)
	return Taken{in.ID, t}, err
}

type takeMisdeliveryInput struct {
	ID   string `path:"id" pattern:"^[0-9a-f]{24}$" patternDescription:"the id of a misdelivery"`
	Body Take
}

func (a *API) takeMisdelivery(ctx context.Context, c *caller, in *takeMisdeliveryInput) (Taken, error) {
	if err := a.auditMisdelivery(ctx, c, "take", in.ID, in.Body.Reason, false); err != nil {
		return Taken{}, err
	}
	t, err := a.o.Ledger.Take(ctx, in.ID, c.actor)
	return Taken{in.ID, t}, err
}

type misdeliveryDoneInput struct {
	ID   string `path:"id" pattern:"^[0-9a-f]{24}$" patternDescription:"the id of a misdelivery"`
	Body Done
}

// misdeliveryDone notes that a misdelivery is seen to. What was done has to be said: it is a breach of personal data until shown
// otherwise (GDPR Article 33(5)).
func (a *API) misdeliveryDone(ctx context.Context, c *caller, in *misdeliveryDoneInput) (Handled, error) {
	if err := a.auditMisdelivery(ctx, c, "done", in.ID, in.Body.Reason, true); err != nil {
		return Handled{}, err
	}
	if err := a.o.Ledger.Handled(ctx, in.ID, c.actor); err != nil {
		return Handled{}, err
	}
	return Handled{in.ID, a.o.Now()}, nil
}

// auditMisdelivery writes what is done about a misdelivery; ErrNotFound where there is none.
func (a *API) auditMisdelivery(ctx context.Context, c *caller, what, id, reason string, needed bool) error {
	reason, err := reasonOf(reason, needed)
	if err != nil {
		return err
	}
	all, err := a.o.Ledger.Misdeliveries(ctx, "")
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(m ledger.Misdelivery) bool { return m.ID == id })
	if i < 0 {
		return ErrNotFound
	}
	return a.audit(ctx, c, ofMisdelivery(id), "misdelivery."+what+" "+id, "", all[i].Address, reason)
}

// ofMisdelivery is for what is of those units whose patients' messages went astray.
func ofMisdelivery(id string) about {
	return func(ctx context.Context, a *API, c *caller) error {
		for _, unit := range c.units {
			some, err := a.o.Ledger.Misdeliveries(ctx, unit)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(some, func(m ledger.Misdelivery) bool { return m.ID == id }) {
				return nil
			}
		}
		if c.whole() {
			return nil
		}
		return &forbidden{"no message about the patients of the key's units went astray there"}
	}
}
