package reminder

import "time"

// Fact is a text of the unit directory with the content class it gives to a message that shows it.
type Fact struct {
	Text  string `yaml:"text"`
	Class Class  `yaml:"class"`
}

// Unit is a clinic as patients may be told of it. It is not personal data.
type Unit struct {
	ID        string             `yaml:"id"`       // token, as booking systems name it
	Hospital  string             `yaml:"hospital"` // token of the hospital it belongs to
	Country   Country            `yaml:"country"`  // chooses the policy pack and the holidays
	Language  string             `yaml:"language"` // used when the patient's is unknown or has no template
	Zone      string             `yaml:"zone"`     // IANA name
	Names     map[string]Fact    `yaml:"names"`    // public name by language; the unit's own language is required
	Address   Fact               `yaml:"address"`
	Entrance  Fact               `yaml:"entrance"`
	Phone     Fact               `yaml:"phone"` // to cancel on, as printed
	Mail      Fact               `yaml:"mail"`  // function address, also Reply-To
	SenderID  Fact               `yaml:"sender_id"`
	From      Fact               `yaml:"from"`            // From address of e-mail
	Deadline  time.Duration      `yaml:"cancel_deadline"` // how long before the start a patient may cancel; 0 = none
	Channels  []Channel          `yaml:"channels"`        // in order of preference
	Rules     map[string][]Rule  `yaml:"rules"`           // by kind of visit; "" is the default
	Window    Window             `yaml:"window"`
	Templates map[Purpose]string `yaml:"templates"` // template set; absent = the purpose's own name
}

// Rule makes one reminder per appointment.
type Rule struct {
	Name   string        `yaml:"name"`   // token, part of the reminder's identity
	Before time.Duration `yaml:"before"` // how long before the start
}

// Window is when messages may be sent, in the unit's zone: from From to Until, hours and minutes since midnight.
type Window struct {
	From     time.Duration `yaml:"from"`
	Until    time.Duration `yaml:"until"`
	Weekends bool          `yaml:"weekends"`
	Holidays bool          `yaml:"holidays"`
}

// Name is the public name in language, else in the unit's own.
func (u Unit) Name(language string) Fact {
	if f, ok := u.Names[language]; ok {
		return f
	}
	return u.Names[u.Language]
}
