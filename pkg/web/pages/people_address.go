package pages

import (
	"regexp"
	"slices"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// addressView is what the forms about an address show.
type addressView struct {
	Person  reminder.PersonKey
	Channel reminder.Channel
	Hash    reminder.AddressHash // of the one that it is about
	Shown   web.Unmasked         // in full, this once
}

var addressHash = regexp.MustCompile(`^[1-9]-[0-9a-f]{32}$`)

// ofAddress is what the path names: a person, and where the path has one an address by its hash.
func (v *visit) ofAddress(key reminder.PersonKey) (addressView, error) {
	x := addressView{Person: key, Channel: reminder.Channel(v.r.PathValue("channel")), Hash: reminder.AddressHash(v.r.PathValue("hash"))}
	if x.Hash != "" && !addressHash.MatchString(string(x.Hash)) || x.Channel != "" && !slices.Contains(reminder.Channels, x.Channel) {
		return x, errNotHere
	}
	return x, nil
}

// addAddress takes down that an address is the person's, and how that is known.
func (v *visit) addAddress(key reminder.PersonKey) error {
	x, err := v.ofAddress(key)
	if err != nil {
		return err
	}
	if !v.asked() {
		v.form = v.blank("channel", string(reminder.SMS), "method", string(policy.DeskID))
		return v.show("people-address", x)
	}
	var in struct {
		Channel string `form:"channel,required"`
		Address string `form:"address,required"`
		Country string `form:"country"`
		Method  string `form:"method,required"`
		On      string `form:"event_time"`
		By      string `form:"by"`
	}
	f := v.read(&in)
	q := web.AddressChange{
		Type: contact.Added, Channel: reminder.Channel(in.Channel), Address: in.Address, Country: reminder.Country(in.Country), Method: policy.Method(in.Method),
		EventTime: v.dayOf(f, in.On), By: in.By, Reason: v.session.Why(key),
	}
	if q.Method.Level() > policy.Unproven {
		q.Type = contact.Verified
	}
	return v.submit(f, apiPath(key, "addresses"), q,
		func() error { return v.done(personPath(key), "people.address.done") },
		func() error { return v.show("people-address", x) },
	)
}

// endAddress takes down that an address is not to be used any more, or is somebody else's.
func (v *visit) endAddress(key reminder.PersonKey) error {
	x, err := v.ofAddress(key)
	if err != nil {
		return err
	}
	if !v.asked() {
		return v.show("people-address-end", x)
	}
	var in struct {
		Type string `form:"type,required"`
		By   string `form:"by"`
	}
	f := v.read(&in)
	q := web.AddressChange{Type: contact.Type(in.Type), Channel: x.Channel, Hash: x.Hash, By: in.By, Reason: v.session.Why(key)}
	return v.submit(f, apiPath(key, "addresses"), q,
		func() error { return v.done(personPath(key), "people.address.ended") },
		func() error { return v.show("people-address-end", x) },
	)
}

// unmask shows one address in full, in the answer to the form alone: no page leads back to it.
func (v *visit) unmask(key reminder.PersonKey) error {
	x, err := v.ofAddress(key)
	if err != nil {
		return err
	}
	if !v.asked() {
		return v.show("people-unmask", x)
	}
	var in struct {
		Reason string `form:"reason,required"`
	}
	f := v.read(&in)
	if f.OK() {
		err := v.post(apiPath(key, "unmask"), web.Unmask{Hash: x.Hash, Reason: in.Reason}, &x.Shown)
		if err == nil {
			return v.show("people-unmasked", x)
		}
		if !f.take(err) {
			return err
		}
	}
	return v.show("people-unmask", x)
}
