package reminder

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// ErrUnits is wrapped by everything that is wrong with a unit directory. The text names unit, field, value and what is
// allowed; a unit directory holds no personal data.
var ErrUnits = errors.New("reminder: units")

// Directory is the unit directory: every clinic that reminders may be sent for. It does not change after it was read.
type Directory struct {
	units []Unit
	byID  map[string]int
}

// Over is the directory with the channels that have a carrier alone: nothing is planned for, or decided on, a channel that
// leads nowhere. A unit may be left without any.
func (d *Directory) Over(channels ...Channel) *Directory {
	out := &Directory{units: slices.Clone(d.units), byID: d.byID}
	for i := range out.units {
		u := &out.units[i]
		u.Channels = slices.DeleteFunc(slices.Clone(u.Channels), func(c Channel) bool { return !slices.Contains(channels, c) })
	}
	return out
}

// Unit finds a unit by its id. Its maps and slices are shared: do not change them.
func (d *Directory) Unit(id string) (Unit, bool) {
	if d == nil {
		return Unit{}, false
	}
	i, ok := d.byID[id]
	if !ok {
		return Unit{}, false
	}
	return d.units[i], true
}

// Keywords are those that answers to the units' numbers begin with, each once, the longest first.
func (d *Directory) Keywords() []string {
	var out []string
	for _, u := range d.Units() {
		if u.Keyword != "" && !slices.Contains(out, u.Keyword) {
			out = append(out, u.Keyword)
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return len(b) - len(a) })
	return out
}

// Units lists all units in the order of the file.
func (d *Directory) Units() []Unit {
	if d == nil {
		return nil
	}
	return slices.Clone(d.units)
}

// The bounds of what a unit may ask for, and what holds when it says nothing.
const (
	minBefore   = 3 * time.Hour
	maxBefore   = 90 * 24 * time.Hour
	maxDeadline = 30 * 24 * time.Hour
	defaultFrom = 8 * time.Hour
	defaultTill = 20 * time.Hour
)

var defaultRules = []Rule{{"7d", 7 * 24 * time.Hour}, {"48h", 48 * time.Hour}}

type unitsFile struct {
	Hospitals []hospitalEntry `yaml:"hospitals"`
}

type hospitalEntry struct {
	ID      string      `yaml:"id"`
	Country string      `yaml:"country"`
	Units   []unitEntry `yaml:"units"`
	shared  `yaml:",inline"`
}

type unitEntry struct {
	ID       string               `yaml:"id"`
	Names    map[string]factEntry `yaml:"names"`
	Entrance *factEntry           `yaml:"entrance"`
	shared   `yaml:",inline"`
}

// shared is what a hospital may say for all its units and a unit may say for itself.
type shared struct {
	Language  string                 `yaml:"language"`
	Zone      string                 `yaml:"zone"`
	Address   *factEntry             `yaml:"address"`
	Phone     *factEntry             `yaml:"phone"`
	Mail      *factEntry             `yaml:"mail"`
	Function  string                 `yaml:"function_mail"`
	Link      *factEntry             `yaml:"link"`
	Analysis  string                 `yaml:"analysis"`
	SenderID  *senderEntry           `yaml:"sender_id"`
	From      *factEntry             `yaml:"from"`
	Deadline  string                 `yaml:"cancel_deadline"`
	Channels  []string               `yaml:"channels"`
	Rules     map[string][]ruleEntry `yaml:"rules"`
	Window    *windowEntry           `yaml:"window"`
	Templates map[string]string      `yaml:"templates"`
}

// factEntry demands the class: nobody forgets to think of it.
type factEntry struct {
	Text  string   `yaml:"text"`
	Class *float64 `yaml:"class"`
}

// senderEntry also says if and how replies reach us. It is taken over whole: a unit with a sender of its own says of it what it is.
type senderEntry struct {
	Text    string   `yaml:"text"`
	Class   *float64 `yaml:"class"`
	Replies string   `yaml:"replies"`
	Keyword string   `yaml:"keyword"`
}

type ruleEntry struct {
	Name   string `yaml:"name"`
	Before string `yaml:"before"`
}

type windowEntry struct {
	Hours    string `yaml:"hours"`
	Weekends bool   `yaml:"weekends"`
	Holidays bool   `yaml:"holidays"`
}

// ReadUnits reads and checks a unit directory, config/units.yaml. What a hospital says holds for its units unless the unit
// says otherwise. It reports every problem at once; each wraps ErrUnits.
func ReadUnits(r io.Reader) (*Directory, error) {
	dec := yaml.NewDecoder(r)
	dec.KnownFields(true)
	var f unitsFile
	if err := dec.Decode(&f); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: the file is empty: want a list of hospitals", ErrUnits)
		}
		return nil, fmt.Errorf("%w: %w", ErrUnits, err)
	}
	if err := dec.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: more than one YAML document: want one", ErrUnits)
	}
	d := &Directory{byID: map[string]int{}}
	var c checker
	hospitals := map[string]bool{}
	for _, h := range f.Hospitals {
		c.where = "hospital " + strconv.Quote(h.ID)
		c.match("id", h.ID, tokenRE, "1 to 32 of a-z, 0-9 and -")
		if hospitals[h.ID] {
			c.fail("id", h.ID, "an id that no other hospital has")
		}
		hospitals[h.ID] = true
		if len(h.Units) == 0 {
			c.fail("units", "none", "at least one unit")
		}
		for _, e := range h.Units {
			u := c.unit(h, e)
			if _, dup := d.byID[u.ID]; dup {
				c.fail("id", u.ID, "an id that no other unit has")
				continue
			}
			d.byID[u.ID] = len(d.units)
			d.units = append(d.units, u)
		}
	}
	if len(d.units) == 0 && len(c.errs) == 0 {
		c.where = "file"
		c.fail("hospitals", "none", "at least one hospital with a unit")
	}
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	return d, nil
}

var (
	tokenRE    = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)
	languageRE = regexp.MustCompile(`^[a-z]{2,3}$`)
	senderRE   = regexp.MustCompile(`^[A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*$`)
	numberRE   = regexp.MustCompile(`^(\+[1-9][0-9]{6,14}|[0-9]{3,15})$`)
	keywordRE  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{1,14}$`)
	analysisRE = regexp.MustCompile(`^[\p{L}0-9][\p{L}0-9 ./:-]{0,63}$`)
	phoneRE    = regexp.MustCompile(`^\+?[0-9][0-9 -]{3,18}[0-9]$`)
	durationRE = regexp.MustCompile(`^([0-9]{1,4})([dhm])$`)
	hoursRE    = regexp.MustCompile(`^([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])$`)

	countries = []Country{"DK", "SE", "NO", "FI", "IS"}
	classes   = []float64{0, 1, 1.5, 2}
)

// checker turns entries into units and collects what is wrong with them.
type checker struct {
	where string
	errs  []error
}

func (c *checker) fail(field, value, want string) {
	c.errs = append(c.errs, fmt.Errorf("%w: %s: %s: %q: want %s", ErrUnits, c.where, field, value, want))
}

func (c *checker) match(field, value string, re *regexp.Regexp, want string) {
	if !re.MatchString(value) {
		c.fail(field, value, want)
	}
}

func (c *checker) unit(h hospitalEntry, e unitEntry) Unit {
	c.where = "unit " + strconv.Quote(e.ID)
	s := e.or(h.shared)
	u := Unit{
		ID: e.ID, Hospital: h.ID, Country: Country(h.Country), Analysis: s.Analysis, Language: s.Language, Zone: s.Zone, Function: s.Function,
		Names: map[string]Fact{}, Rules: map[string][]Rule{"": defaultRules}, Templates: map[Purpose]string{},
		Address: c.text("address", s.Address), Entrance: c.text("entrance", e.Entrance),
		Phone: c.text("phone", s.Phone), Mail: c.text("mail", s.Mail),
		From:     c.text("from", s.From),
		Channels: slices.Clone(Channels), Window: Window{From: defaultFrom, Until: defaultTill},
	}
	c.match("id", u.ID, tokenRE, "1 to 32 of a-z, 0-9 and -")
	if !slices.Contains(countries, u.Country) {
		c.fail("country", h.Country, "one of DK, SE, NO, FI, IS")
	}
	c.language("language", u.Language)
	if _, err := LoadZone(u.Zone); err != nil {
		c.fail("zone", u.Zone, "an IANA time zone such as Europe/Copenhagen")
	}
	for lang, f := range e.Names {
		c.language("names", lang)
		u.Names[lang] = c.text("names."+lang, &f)
	}
	if _, ok := u.Names[u.Language]; !ok {
		c.fail("names", u.Language, "a name in the unit's own language")
	}
	c.match("phone", u.Phone.Text, phoneRE, "a phone number as printed: digits, spaces, hyphens, perhaps a + in front")
	c.mail("mail", u.Mail.Text)
	c.mail("from", u.From.Text)
	if u.Function != "" {
		c.mail("function_mail", u.Function)
	}
	if s.Link != nil {
		if u.Link = c.text("link", s.Link); !IsLink(u.Link.Text) {
			c.fail("link.text", u.Link.Text, "https://, a host name in lower case and a plain path, at most 80 characters, no query, user or port")
		}
	}
	if u.Analysis != "" {
		c.match("analysis", u.Analysis, analysisRE, "an id as in the diary: 1 to 64 letters, digits, spaces and ./:-")
	}
	c.sender(&u, s.SenderID)
	if s.Deadline != "" {
		u.Deadline = c.duration("cancel_deadline", s.Deadline, 0, maxDeadline, "0h to 30d, such as 24h or 3d")
	}
	if len(s.Channels) > 0 {
		u.Channels = c.channels(s.Channels)
	}
	for kind, rules := range s.Rules {
		c.rules(u.Rules, kind, rules)
	}
	if s.Window != nil {
		u.Window = c.window(*s.Window)
	}
	for p, set := range s.Templates {
		if !slices.Contains(Purposes, Purpose(p)) {
			c.fail("templates", p, "a purpose: reminder, changed, cancelled, verify, reply or correction")
		}
		c.match("templates."+p, set, tokenRE, "the name of a template set: 1 to 32 of a-z, 0-9 and -")
		u.Templates[Purpose(p)] = set
	}
	return u
}

// or fills what s leaves out from d.
func (s shared) or(d shared) shared {
	if s.Language == "" {
		s.Language = d.Language
	}
	if s.Zone == "" {
		s.Zone = d.Zone
	}
	if s.Analysis == "" {
		s.Analysis = d.Analysis
	}
	if s.Function == "" {
		s.Function = d.Function
	}
	if s.Deadline == "" {
		s.Deadline = d.Deadline
	}
	for _, f := range []struct {
		to   **factEntry
		from *factEntry
	}{{&s.Address, d.Address}, {&s.Phone, d.Phone}, {&s.Mail, d.Mail}, {&s.Link, d.Link}, {&s.From, d.From}} {
		if *f.to == nil {
			*f.to = f.from
		}
	}
	if s.SenderID == nil {
		s.SenderID = d.SenderID
	}
	if s.Channels == nil {
		s.Channels = d.Channels
	}
	rules := maps.Clone(d.Rules) // kind by kind
	if rules == nil {
		rules = map[string][]ruleEntry{}
	}
	maps.Copy(rules, s.Rules)
	s.Rules = rules
	if s.Window == nil {
		s.Window = d.Window
	}
	if s.Templates == nil {
		s.Templates = d.Templates
	}
	return s
}

// notKeywords are words that Husk itself reads at the beginning of an answer.
var notKeywords = []string{"stop", "stopp", "start", "help", "sms"}

// sender reads the SMS sender and how answers to it reach us. 3GPP TS 23.040, 9.1.2.5: an alphanumeric address has at most 11
// characters, and nobody can answer to one; a number has at most 15 digits (ITU-T E.164), a shared or short one fewer.
func (c *checker) sender(u *Unit, e *senderEntry) {
	if e == nil {
		u.SenderID = c.text("sender_id", nil)
		return
	}
	u.SenderID = c.text("sender_id", &factEntry{e.Text, e.Class})
	u.Replies, u.Keyword = cmp.Or(Replies(e.Replies), NoReplies), strings.ToUpper(e.Keyword)
	letters := senderRE.MatchString(e.Text)
	if !letters && !numberRE.MatchString(e.Text) || letters && len(e.Text) > 11 {
		c.fail("sender_id", e.Text, "1 to 11 of A-Z, a-z and 0-9, at least one of them a letter; or a number of 3 to 15 digits, perhaps a + in front")
	}
	switch {
	case u.Replies != NoReplies && u.Replies != NumberReplies:
		c.fail("sender_id.replies", e.Replies, "none, or number where what is sent to sender_id comes to us")
	case u.TakesReplies() && letters:
		c.fail("sender_id.replies", e.Replies, "none: nobody can answer to a sender with a letter in it; give a number as text")
	}
	switch {
	case e.Keyword == "":
	case !keywordRE.MatchString(e.Keyword), slices.Contains(notKeywords, strings.ToLower(e.Keyword)):
		c.fail("sender_id.keyword", e.Keyword, "2 to 15 of A-Z, a-z and 0-9, the first a letter, and no word that Husk reads, such as STOP")
	case !u.TakesReplies():
		c.fail("sender_id.keyword", e.Keyword, "no keyword, or replies: number")
	}
}

func (c *checker) text(field string, f *factEntry) Fact {
	if f == nil {
		c.fail(field, "", "a text and its content class: {text: ..., class: 1}")
		return Fact{}
	}
	bad := func(r rune) bool { return !unicode.IsPrint(r) }
	if n := utf8.RuneCountInString(f.Text); n == 0 || n > 160 || strings.ContainsFunc(f.Text, bad) || f.Text != strings.TrimSpace(f.Text) {
		c.fail(field+".text", f.Text, "1 to 160 printable characters on one line, no space at either end")
	}
	if f.Class == nil {
		c.fail(field+".class", "", "a content class: 0, 1, 1.5 or 2")
		return Fact{Text: f.Text}
	}
	if !slices.Contains(classes, *f.Class) {
		c.fail(field+".class", strconv.FormatFloat(*f.Class, 'g', -1, 64), "a content class: 0, 1, 1.5 or 2")
	}
	return Fact{Text: f.Text, Class: Class(*f.Class)}
}

func (c *checker) language(field, tag string) {
	switch {
	case tag == "no" || tag == "nn":
		c.fail(field, tag, "nb for Norwegian")
	case !languageRE.MatchString(tag):
		c.fail(field, tag, "a primary language tag such as da, sv, nb or en")
	}
}

func (c *checker) mail(field, address string) {
	a, err := mail.ParseAddress(address)
	if err != nil || a.Address != address {
		c.fail(field, address, "a bare mail address such as clinic@hospital.example")
	}
}

func (c *checker) channels(names []string) []Channel {
	var out []Channel
	for _, n := range names {
		ch := Channel(n)
		if !slices.Contains(Channels, ch) || slices.Contains(out, ch) {
			c.fail("channels", n, "sms, email, or both, each once")
			continue
		}
		out = append(out, ch)
	}
	return out
}

func (c *checker) rules(into map[string][]Rule, kind string, entries []ruleEntry) {
	c.match("rules", kind, tokenRE, "default, or a kind of visit: 1 to 32 of a-z, 0-9 and -")
	rules := []Rule{} // an empty list is an answer: no reminders for this kind
	for _, e := range entries {
		c.match("rules."+kind+".name", e.Name, tokenRE, "1 to 32 of a-z, 0-9 and -")
		if slices.ContainsFunc(rules, func(r Rule) bool { return r.Name == e.Name }) {
			c.fail("rules."+kind+".name", e.Name, "a name that no other rule of the kind has")
		}
		before := c.duration("rules."+kind+".before", e.Before, minBefore, maxBefore, "3h to 90d, such as 48h or 7d")
		rules = append(rules, Rule{e.Name, before})
	}
	if kind == "default" {
		kind = ""
	}
	into[kind] = rules
}

func (c *checker) duration(field, s string, low, high time.Duration, want string) time.Duration {
	m := durationRE.FindStringSubmatch(s)
	if m == nil {
		c.fail(field, s, want)
		return 0
	}
	n, _ := strconv.Atoi(m[1]) // at most four digits
	d := time.Duration(n) * map[string]time.Duration{"d": 24 * time.Hour, "h": time.Hour, "m": time.Minute}[m[2]]
	if d < low || d > high {
		c.fail(field, s, want)
	}
	return d
}

func (c *checker) window(e windowEntry) Window {
	w := Window{From: defaultFrom, Until: defaultTill, Weekends: e.Weekends, Holidays: e.Holidays}
	if e.Hours == "" {
		return w
	}
	const want = "hours such as 08:00-20:00, the first before the second and an hour or more apart"
	m := hoursRE.FindStringSubmatch(e.Hours)
	if m == nil {
		c.fail("window.hours", e.Hours, want)
		return w
	}
	clock := func(h, min string) time.Duration {
		hours, _ := strconv.Atoi(h)
		minutes, _ := strconv.Atoi(min)
		return time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	}
	w.From, w.Until = clock(m[1], m[2]), clock(m[3], m[4])
	if w.Until-w.From < time.Hour || w.Until > 24*time.Hour {
		c.fail("window.hours", e.Hours, want)
	}
	return w
}
