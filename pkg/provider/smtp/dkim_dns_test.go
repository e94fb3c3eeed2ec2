package smtp_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/husk-reminders/husk/pkg/provider/smtp"
)

// zone is a DNS server on this machine: the TXT records of names. A name that it does not have is none; one with nil gets no answer.
type zone map[string][]string

// resolver asks it, and nobody else.
func (z zone) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	server, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			if answer := z.answer(buf[:n]); answer != nil {
				_, _ = server.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

func (z zone) answer(raw []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(raw) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	records, known := z[strings.TrimSuffix(q.Name.String(), ".")]
	if known && records == nil {
		return nil
	}
	out := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}, Questions: m.Questions}
	if !known {
		out.RCode = dnsmessage.RCodeNameError
	}
	for _, record := range records {
		if record == "SERVFAIL" {
			out.RCode = dnsmessage.RCodeServerFailure
			break
		}
		body := &dnsmessage.TXTResource{}
		for ; len(record) > 200; record = record[200:] { // a string has at most 255 bytes, a key has more
			body.TXT = append(body.TXT, record[:200])
		}
		body.TXT = append(body.TXT, record)
		out.Answers = append(out.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60}, Body: body})
	}
	b, err := out.Pack()
	if err != nil {
		return nil
	}
	return b
}

func TestWhatTheDNSHasOfAKey(t *testing.T) {
	for kind, key := range map[string]any{"rsa": newRSA(t, 2048), "ed25519": newEd25519(t)} {
		t.Run(kind, func(t *testing.T) {
			d := smtp.DKIM{Domain: "Hospital.example", Selector: "husk2026", KeyFile: keyFile(t, "PRIVATE KEY", key)}
			name, record, err := d.Record()
			if err != nil || name != "husk2026._domainkey.hospital.example" || !strings.HasPrefix(record, "v=DKIM1; k="+kind+"; p=") {
				t.Fatalf("%s %q %v", name, record, err)
			}
			_, other, err := smtp.DKIM{Domain: d.Domain, Selector: d.Selector, KeyFile: keyFile(t, "PRIVATE KEY", newRSA(t, 2048))}.Record()
			if err != nil {
				t.Fatal(err)
			}
			_, public, _ := strings.Cut(record, "p=")
			for what, c := range map[string]struct {
				zone zone
				want error
			}{
				"it is there":               {zone{name: {record}}, nil},
				"with spaces in it":         {zone{name: {strings.ReplaceAll(record, ";", " ; ")}}, nil},
				"nothing is there":          {zone{}, smtp.ErrNoRecord},
				"another type is there":     {zone{name: {}}, smtp.ErrNoRecord},
				"another's key":             {zone{name: {other}}, smtp.ErrOtherRecord},
				"a part of it":              {zone{name: {record[:len(record)-8]}}, smtp.ErrOtherRecord},
				"something else":            {zone{name: {"v=spf1 -all"}}, smtp.ErrOtherRecord},
				"it was taken back":         {zone{name: {"v=DKIM1; k=" + kind + "; p="}}, smtp.ErrOtherRecord},
				"two of them":               {zone{name: {record, other}}, smtp.ErrOtherRecord},
				"for another hash":          {zone{name: {"v=DKIM1; k=" + kind + "; h=sha1; p=" + public}}, smtp.ErrOtherRecord},
				"for a trial":               {zone{name: {"v=DKIM1; k=" + kind + "; t=y:s; p=" + public}}, smtp.ErrOtherRecord},
				"with a flag":               {zone{name: {"v=DKIM1; k=" + kind + "; t=s; p=" + public}}, nil},
				"the server has a fault":    {zone{name: {"SERVFAIL"}}, smtp.ErrNoDNS},
				"the server does not speak": {zone{name: nil}, smtp.ErrNoDNS},
			} {
				within := 10 * time.Second
				if records, known := c.zone[name]; known && records == nil {
					within = 100 * time.Millisecond
				}
				ctx, cancel := context.WithTimeout(t.Context(), within)
				if err := d.Published(ctx, c.zone.resolver(t)); !errors.Is(err, c.want) {
					t.Errorf("%s: %v, want %v", what, err, c.want)
				}
				cancel()
			}
		})
	}
	gone := smtp.DKIM{Domain: "hospital.example", Selector: "husk2026", KeyFile: "/nowhere/key.pem"}
	if err := gone.Published(t.Context(), zone{}.resolver(t)); !errors.Is(err, smtp.ErrKey) {
		t.Errorf("no private key: %v", err)
	}
}
