package config

import (
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// None is the carrier type of a route that this installation does not use.
const None = "none"

// Outbox is the carrier type that writes messages to files; it reaches nobody, and production refuses it.
const Outbox = "outbox"

var (
	testNumber = regexp.MustCompile(`^\+[1-9][0-9]{5,14}$`)
	testMail   = regexp.MustCompile(`^[^@\s]{1,64}@[A-Za-z0-9.-]{1,253}$`)
)

// SMSCarriers and EmailCarriers are the carrier types that each route can have.
var (
	SMSCarriers   = []string{Outbox, "gatewayapi", "46elks", "sinch", "link", "twilio", "kannel", "smpp", None}
	EmailCarriers = []string{Outbox, "smtp", None}
)

// Validate checks every value and how they fit together. It touches neither disk nor network. An error is one KeyError,
// or several joined.
func (c Config) Validate() error { return joined(c.problems()) }

func (c Config) problems() []*KeyError {
	k := checker{values: map[string]string{}}
	for _, l := range c.leaves() {
		k.values[l.key] = l.String()
	}
	production := c.Mode == ModeProduction

	oneOf(&k, "mode", c.Mode, ModeDemo, ModeTrial, ModeProduction)
	oneOf(&k, "log.level", c.Log.Level, "debug", "info", "warn", "error")
	oneOf(&k, "log.format", c.Log.Format, "json", "console")

	within(&k, "broker.events_max_bytes", c.Broker.EventsMaxBytes, 16<<20, 1<<40)
	k.check("broker.sync", c.Broker.Sync || !production, "true in production: a write that is acknowledged before it is on disk can be lost")
	c.brokerPort(&k)

	c.external(&k)

	k.check("http.listen", c.HTTP.Listen == "" || hostPort(c.HTTP.Listen), "host:port, or empty for none")
	c.API.check(&k, production)
	c.pages(&k)
	c.unsubscribe(&k)
	c.callbacks(&k)
	c.controller(&k)
	// The planner wants room for the longest rule a unit may have, and for moving it earlier.
	span(&k, "plan.horizon", c.Plan.Horizon, 120*day, 730*day)

	within(&k, "send.batch", c.Send.Batch, 1, 1000) // the broker takes no larger atomic batch
	// A withdrawal waits five seconds past the write deadline, so the deadline stays small beside that.
	span(&k, "send.write_deadline", c.Send.WriteDeadline, 100*time.Millisecond, 5*time.Second)
	span(&k, "send.lease", c.Send.Lease, 10*time.Second, 10*time.Minute)
	_, err := time.LoadLocation(c.Send.Zone)
	k.check("send.zone", err == nil && c.Send.Zone != "" && c.Send.Zone != "Local", "a time zone such as Europe/Copenhagen")
	k.check("send.test_sms", c.Send.TestSMS == "" || testNumber.MatchString(c.Send.TestSMS), "a phone number with its country code, such as +4520123456, or nothing")
	k.check("send.test_email", c.Send.TestEmail == "" || testMail.MatchString(c.Send.TestEmail), "a mail address, or nothing")
	k.check("send.lease", c.Send.Lease >= 4*c.Send.WriteDeadline, "at least four times send.write_deadline")

	c.carriers(&k)

	// The others are what a share is compared with, so there must be as many of them.
	within(&k, "templates.canary.share", c.Templates.Canary.Share, 0, 50)
	within(&k, "templates.canary.messages", c.Templates.Canary.Messages, 20, 100_000)
	within(&k, "templates.canary.worse_by", c.Templates.Canary.WorseBy, 0, 50)
	span(&k, "templates.canary.for", c.Templates.Canary.For, time.Hour, 14*day)

	c.registers(&k)
	c.notices(&k)

	within(&k, "state.snapshot_every", c.State.SnapshotEvery, 1_000, 100_000_000)
	span(&k, "retention.decisions", c.Retention.Decisions, 30*day, 3650*day)
	span(&k, "retention.dead", c.Retention.Dead, day, 365*day)
	span(&k, "retention.audit", c.Retention.Audit, 365*day, 7300*day)

	k.cron("sweeps.expired", c.Sweeps.Expired)
	k.cron("sweeps.open_attempts", c.Sweeps.OpenAttempts)
	k.cron("sweeps.doubts", c.Sweeps.Doubts)
	k.cron("sweeps.reports", c.Sweeps.Reports)
	k.cron("sweeps.unreported", c.Sweeps.Unreported)
	k.cron("sweeps.previews", c.Sweeps.Previews)
	k.cron("sweeps.remembered", c.Sweeps.Remembered)
	k.cron("sweeps.verify", c.Sweeps.Verify)
	k.cron("sweeps.notices", c.Sweeps.Notices)
	k.cron("sweeps.canaries", c.Sweeps.Canaries)
	k.cron("sweeps.retention", c.Sweeps.Retention)
	return k.problems
}

// check wants TLS wherever a national id could be read on its way.
func (a API) check(k *checker, production bool) {
	TLS{Cert: a.Cert, Key: a.Key}.check(k, "api")
	k.check("api.client_ca", a.ClientCA == "" || a.Cert != "", "it empty, or api.cert: clients show certificates over TLS alone")
	within(k, "api.address_rate", a.AddressRate, 1, 100_000)
	within(k, "api.key_rate", a.KeyRate, 1, 100_000)
	within(k, "api.unmask_rate", a.UnmaskRate, 1, 1_000)
	if a.Listen == "" {
		return
	}
	k.check("api.listen", hostPort(a.Listen), "host:port, or empty for none")
	k.check("api.listen", a.Cert != "" || loopback(a.Listen), "an address of this machine alone, or api.cert and api.key: calls carry national ids")
	k.check("api.cert", a.Cert != "" || !production, "a certificate in production, since api.listen is set")
}

// brokerPort checks the port that booking systems publish to. Events carry national ids and the port has no TLS, so it
// stays on the machine and asks for a password.
func (c Config) brokerPort(k *checker) {
	b := c.Broker
	if b.Listen == "" {
		k.check("broker.user", b.User == "", "it empty while broker.listen is empty")
		k.check("broker.password_file", b.PasswordFile == "", "it empty while broker.listen is empty")
		return
	}
	k.check("broker.listen", loopback(b.Listen), "an address of this machine alone, such as 127.0.0.1:4222; empty opens no port")
	k.check("broker.user", b.User != "", "a user name, since broker.listen is set")
	k.check("broker.password_file", b.PasswordFile != "", "a file with the password, since broker.listen is set")
}

// checker collects problems with the values that were written.
type checker struct {
	values   map[string]string
	problems []*KeyError
}

// check adds a problem unless ok, one a key.
func (k *checker) check(key string, ok bool, want string) {
	if !ok && !slices.ContainsFunc(k.problems, func(p *KeyError) bool { return p.Key == key }) {
		k.problems = append(k.problems, &KeyError{Key: key, Value: k.values[key], Want: want})
	}
}

func (k *checker) cron(key, spec string) {
	const want = "a cron specification such as \"30 3 * * *\" or \"@every 1m\" that comes due"
	// The parser takes a zone without a following space for granted and would panic.
	zone := strings.HasPrefix(spec, "TZ=") || strings.HasPrefix(spec, "CRON_TZ=")
	if zone && !strings.Contains(spec, " ") {
		k.check(key, false, want)
		return
	}
	schedule, err := cron.ParseStandard(spec)
	k.check(key, err == nil && !schedule.Next(anyDay).IsZero(), want)
}

// anyDay is where the search for a schedule's next time begins; the parser looks five years ahead.
var anyDay = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func oneOf[T ~string](k *checker, key string, got T, allowed ...T) {
	words := make([]string, len(allowed))
	for i, a := range allowed {
		words[i] = string(a)
	}
	want := strings.Join(words, ", ")
	if near := nearest(string(got), words); near != "" {
		want += "; did you mean " + near + "?"
	}
	k.check(key, slices.Contains(allowed, got), want)
}

func within[T int | int64](k *checker, key string, got, low, high T) {
	k.check(key, got >= low && got <= high, fmt.Sprintf("%d to %d", low, high))
}

func span(k *checker, key string, got, low, high time.Duration) {
	k.check(key, got >= low && got <= high, formatDuration(low)+" to "+formatDuration(high))
}

func hostPort(address string) bool {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil || !hostPort(address) {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// scalar writes a raw value that is no list or section.
func scalar(raw any) (string, bool) {
	switch raw.(type) {
	case string, bool, int, int64, uint64, float64:
		return fmt.Sprint(raw), true
	}
	return "", false
}

func sortedKeys(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
