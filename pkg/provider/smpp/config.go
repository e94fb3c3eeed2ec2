package smpp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linxGnu/gosmpp/data"

	"github.com/husk-reminders/husk/pkg/provider"
)

// Name names this carrier in configuration, metrics and records.
const Name = "smpp"

// TLS says when the connection is encrypted.
type TLS string

// The ways of TLS.
const (
	Always TLS = "always" // TLS 1.2 or later from the first byte; the default
	None   TLS = "none"   // in the clear; only to this machine itself
)

// IDs says how an SMSC writes a message_id.
type IDs string

// The ways of writing a message_id. Many SMSCs tell it in hexadecimal when they take a message and in decimal in its receipt.
const (
	Verbatim IDs = ""        // compared as it is
	Hex      IDs = "hex"     // a number, hexadecimal
	Decimal  IDs = "decimal" // a number, decimal
)

// Config is the carrier's part of the configuration file.
type Config struct {
	Host string `yaml:"host" mapstructure:"host"` // name or address of the SMSC, as its certificate has it
	Port int    `yaml:"port" mapstructure:"port"`

	TLS      TLS    `yaml:"tls" mapstructure:"tls"`             // "" = always
	CAFile   string `yaml:"ca_file" mapstructure:"ca_file"`     // PEM of the authorities to trust; "" = the system's
	CertFile string `yaml:"cert_file" mapstructure:"cert_file"` // PEM of our certificate, where the SMSC wants one
	KeyFile  string `yaml:"key_file" mapstructure:"key_file"`   // PEM of its key

	SystemID     string `yaml:"system_id" mapstructure:"system_id"`
	PasswordFile string `yaml:"password_file" mapstructure:"password_file"` // read at each bind, so it can be changed
	SystemType   string `yaml:"system_type" mapstructure:"system_type"`
	AddrTON      uint8  `yaml:"addr_ton" mapstructure:"addr_ton"` // of the addresses that we serve
	AddrNPI      uint8  `yaml:"addr_npi" mapstructure:"addr_npi"`
	AddressRange string `yaml:"address_range" mapstructure:"address_range"`

	// Window is how many submit_sm may be unanswered, 1 to 255; 0 = 64. Segments is how many a message may have; 0 = 4. Window divided by
	// Segments is how many messages are handed over at a time.
	Window        int     `yaml:"window" mapstructure:"window"`
	Segments      int     `yaml:"segments" mapstructure:"segments"`
	RatePerSecond float64 `yaml:"rate_per_second" mapstructure:"rate_per_second"` // messages; 0 = no limit

	ServiceType    string `yaml:"service_type" mapstructure:"service_type"`
	ShortCodeTON   uint8  `yaml:"short_code_ton" mapstructure:"short_code_ton"` // of a sender that is a number without '+'; 0 = 3, network specific
	ShortCodeNPI   uint8  `yaml:"short_code_npi" mapstructure:"short_code_npi"`
	ReferenceBits  int    `yaml:"reference_bits" mapstructure:"reference_bits"`                 // of concatenation: 8 or 16, which counts where it makes no more segments; 0 = 8
	ValidityPeriod *bool  `yaml:"validity_period" mapstructure:"validity_period"`               // whether the SMSC is told until when a message is of use; unset = yes
	ResponseIDs    IDs    `yaml:"response_ids" mapstructure:"response_ids"`                     // the message_id of a submit_sm_resp
	ReceiptIDs     IDs    `yaml:"receipt_ids" mapstructure:"receipt_ids"`                       // the message_id of a receipt
	MessageRef     bool   `yaml:"user_message_reference" mapstructure:"user_message_reference"` // see the package's comment

	// Codes says what the SMSC's own command_status ("0x400") mean: retry, reject or opted_out. One that is not known here is doubt.
	Codes map[string]string `yaml:"codes" mapstructure:"codes"`
	// Faults says what means that the address is wrong for good, not_in_use, barred or not_mobile: of the SMSC's own error codes, as "err:" of
	// a receipt has them ("001"), and of the command_status that reject a message ("0x0b").
	Faults map[string]string `yaml:"faults" mapstructure:"faults"`

	DialTimeout  time.Duration `yaml:"dial_timeout" mapstructure:"dial_timeout"`   // connect, TLS and bind together; 0 = 10s
	WriteTimeout time.Duration `yaml:"write_timeout" mapstructure:"write_timeout"` // from Send to the last byte of the message; 0 = 1s
	ReplyTimeout time.Duration `yaml:"reply_timeout" mapstructure:"reply_timeout"` // for each submit_sm_resp, and for enquire_link_resp; 0 = 10s
	EnquireLink  time.Duration `yaml:"enquire_link" mapstructure:"enquire_link"`   // how long a silent session is left alone; 0 = 30s
	RebindMax    time.Duration `yaml:"rebind_max" mapstructure:"rebind_max"`       // the longest wait between two binds; it begins with 100ms and doubles; 0 = 1m
	// JoinTimeout is how long the segments of a person's long message are waited for; then those that are there are handed over each by
	// itself. They are not answered before, so it must be shorter than the SMSC waits for an answer. 0 = 5s.
	JoinTimeout time.Duration `yaml:"join_timeout" mapstructure:"join_timeout"`
	Queue       int           `yaml:"queue" mapstructure:"queue"` // replies, and besides them receipts, that may wait to be handled; 0 = 1000
}

func (c Config) withDefaults() Config {
	if c.TLS == "" {
		c.TLS = Always
	}
	if c.ShortCodeTON == 0 {
		c.ShortCodeTON = data.GSM_TON_NETWORK
	}
	if c.Window == 0 {
		c.Window = 64
	}
	for _, n := range []struct {
		field *int
		unset int
	}{{&c.Segments, min(4, c.Window)}, {&c.ReferenceBits, 8}, {&c.Queue, 1000}} {
		if *n.field == 0 {
			*n.field = n.unset
		}
	}
	for _, d := range []struct {
		field *time.Duration
		unset time.Duration
	}{
		{&c.DialTimeout, 10 * time.Second}, {&c.WriteTimeout, time.Second}, {&c.ReplyTimeout, 10 * time.Second}, {&c.EnquireLink, 30 * time.Second},
		{&c.RebindMax, time.Minute}, {&c.JoinTimeout, 5 * time.Second},
	} {
		if *d.field == 0 {
			*d.field = d.unset
		}
	}
	return c
}

// Slots is how many messages are handed over at a time.
func (c Config) Slots() int {
	c = c.withDefaults()
	return max(1, c.Window/max(1, c.Segments))
}

// cString is what a C-octet string of SMPP may hold, by its longest length.
func cString(s string, longest int) bool {
	return len(s) <= longest && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// serviceType is what service_type may hold: a word that carries nothing of a message.
var serviceType = regexp.MustCompile(`^[A-Z]{0,5}$`)

// Validate names every field that is wrong and what is allowed. It opens no file.
func (c Config) Validate() error {
	var errs []error
	want := func(ok bool, text string) {
		if !ok {
			errs = append(errs, errors.New("smpp: "+text))
		}
	}
	c = c.withDefaults()
	want(c.Host != "" && !strings.ContainsAny(c.Host, " \t\r\n/@"), "host: want the SMSC's name")
	want(c.Port > 0 && c.Port < 65536, "port: want 1 to 65535, as the carrier says; SMPP has none of its own")
	want(c.TLS == Always || c.TLS == None, "tls: want always, or none to a server on this machine")
	want(c.TLS != None || loopback(c.Host), "tls: none sends patients' messages in the clear; set always, or put a tunnel on this machine and its loopback address into host")
	want((c.CertFile == "") == (c.KeyFile == ""), "cert_file and key_file: set both or neither")
	want(c.SystemID != "" && cString(c.SystemID, 15), "system_id: want 1 to 15 characters of ASCII")
	want(c.PasswordFile != "", "password_file: want the file that holds the password")
	want(cString(c.SystemType, 12), "system_type: want up to 12 characters of ASCII")
	want(cString(c.AddressRange, 40), "address_range: want up to 40 characters of ASCII")
	want(serviceType.MatchString(c.ServiceType), "service_type: want up to 5 capital letters")
	want(c.Window >= 1 && c.Window <= 255, "window: want 1 to 255, or 0 for the default")
	want(c.Segments >= 1 && c.Segments <= c.Window, "segments: want 1 to the window, or 0 for the default")
	want(c.RatePerSecond >= 0, "rate_per_second: want 0 (no limit) or more")
	want(c.ReferenceBits == 8 || c.ReferenceBits == 16, "reference_bits: want 8 or 16")
	want(c.Queue >= 1 && c.Queue <= 100_000, "queue: want 1 to 100000, or 0 for the default")
	for _, t := range []struct {
		key string
		is  IDs
	}{{"response_ids", c.ResponseIDs}, {"receipt_ids", c.ReceiptIDs}} {
		want(t.is == Verbatim || t.is == Hex || t.is == Decimal, t.key+": want hex, decimal, or nothing to compare them as they are")
	}
	for _, d := range []struct {
		key  string
		is   time.Duration
		most time.Duration
	}{
		{"dial_timeout", c.DialTimeout, time.Minute}, {"reply_timeout", c.ReplyTimeout, 10 * time.Minute}, {"enquire_link", c.EnquireLink, 10 * time.Minute},
		{"rebind_max", c.RebindMax, time.Hour}, {"join_timeout", c.JoinTimeout, time.Minute},
	} {
		want(d.is > 0 && d.is <= d.most, d.key+": want up to "+d.most.String())
	}
	want(c.WriteTimeout > 0 && c.WriteTimeout <= 5*time.Second, "write_timeout: want up to 5s; a withdrawal waits for it")
	_, err := c.rulings()
	errs = append(errs, err)
	for _, code := range slices.Sorted(maps.Keys(c.Faults)) {
		f := provider.Fault(c.Faults[code])
		want(cString(code, 8) && code != "" && (f == provider.NotInUse || f == provider.Barred || f == provider.NotMobile),
			`faults: want the SMSC's error codes, or command_status like "0x0b", each not_in_use, barred or not_mobile`)
	}
	return errors.Join(errs...)
}

// rulings reads Codes, and those of Faults that are a command_status.
func (c Config) rulings() (rulings, error) {
	r := rulings{map[data.CommandStatusType]provider.Outcome{}, map[data.CommandStatusType]provider.Fault{}}
	for code, word := range c.Codes {
		n, err := strconv.ParseUint(code, 0, 31)
		is, known := map[string]provider.Outcome{"retry": provider.Retry, "reject": provider.Reject, "opted_out": provider.OptedOut}[word]
		if err != nil || n == 0 || !known {
			return rulings{}, errors.New(`smpp: codes: want command_status like "0x400", each retry, reject or opted_out`)
		}
		r.outcomes[data.CommandStatusType(n)] = is
	}
	for code, word := range c.Faults {
		if n, err := strconv.ParseUint(code, 0, 31); strings.HasPrefix(code, "0x") && err == nil {
			r.faults[data.CommandStatusType(n)] = provider.Fault(word)
		}
	}
	return r, nil
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// tlsConfig reads the authorities and our certificate; nil without TLS.
func (c Config) tlsConfig() (*tls.Config, error) {
	if c.TLS == None {
		return nil, nil
	}
	t := &tls.Config{ServerName: c.Host, MinVersion: tls.VersionTLS12}
	if c.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("smpp: cert_file and key_file: %w", err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	roots, err := provider.Authorities(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("smpp: %w", err)
	}
	t.RootCAs = roots
	return t, nil
}

// ErrPassword is had when the password file cannot be used.
var ErrPassword = errors.New("smpp: password_file")

// password reads the file; a line break at its end does not count.
func (c Config) password() (string, error) {
	raw, err := os.ReadFile(c.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrPassword, err)
	}
	p := strings.TrimRight(string(raw), "\r\n")
	if p == "" || !cString(p, 64) {
		return "", fmt.Errorf("%w: want 1 to 64 characters of ASCII", ErrPassword)
	}
	return p, nil
}
