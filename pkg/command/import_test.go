package command

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/web"
)

// write writes a file beside the data and returns its path.
func (p *place) write(name, text string) string {
	p.t.Helper()
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		p.t.Fatal(err)
	}
	path := filepath.Join(p.dir, "..", name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// imports imports a file, and wants an exit code.
func (p *place) imports(code int, path string, args ...string) importReport {
	p.t.Helper()
	out, errs, got := p.husk("", append([]string{"person", "import", path, "--reason", "from the old system", "--json"}, args...)...)
	if got != code {
		p.t.Fatalf("exit code %d, want %d\n%s%s", got, code, out, errs)
	}
	return decodeJSON[importReport](p.t, out)
}

// page is a code block of the page that tells of the format.
func page(t *testing.T, language string) string {
	t.Helper()
	b, err := os.ReadFile("../../config/import.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "```"+language+"\n")
	text, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatalf("no example of %s", language)
	}
	return text
}

func TestThePageTellsOfEveryColumn(t *testing.T) {
	b, err := os.ReadFile("../../config/import.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range importColumns {
		if !strings.Contains(string(b), "`"+c+"`") {
			t.Errorf("config/import.md does not tell of %s", c)
		}
	}
}

func TestImport(t *testing.T) {
	both(t, nil, func(t *testing.T, p *place, _ bool) {
		list, more := p.write("list.csv", page(t, "csv")), p.write("more.jsonl", page(t, "json"))
		if r := p.imports(0, list, "--dry-run"); r.Imported != 4 || r.Inactive != 1 || r.Refused+r.Known != 0 || !r.DryRun {
			t.Errorf("tried: %+v", r)
		}
		var before, after web.Person
		p.read(&before, person, "person", "show", "--reason", "a test")
		if before.Known {
			t.Error("a dry run has written")
		}
		r := p.imports(0, list)
		if r.Rows != 4 || r.Imported != 4 || r.Inactive != 1 || len(r.Lines) != 1 || r.Lines[0].Line != 5 || r.Lines[0].Outcome != ledger.Inactive || r.Lines[0].Field != "method" {
			t.Errorf("%+v", r)
		}
		p.read(&after, person, "person", "show", "--reason", "a test")
		if len(after.Consent) != 1 || after.Worth[after.Consent[0].ID] != consent.IsGranted || len(after.Addresses) != 1 || !after.Addresses[0].Usable {
			t.Errorf("%+v", after)
		}
		var never web.Person
		p.read(&never, "DK 030390-3456\n", "person", "show", "--reason", "a test")
		if len(never.Consent) != 1 || never.Worth[never.Consent[0].ID] != consent.IsUnproven {
			t.Errorf("a yes of an unknown method: %+v", never)
		}
		// The same again, also from another file: nothing twice.
		if r := p.imports(0, list); r.Known != 4 || r.Imported != 0 {
			t.Errorf("again: %+v", r)
		}
		if r := p.imports(0, p.write("copy.csv", page(t, "csv")+"DK,010170-1234,consent,refused,2025-11-04,desk,form 9,email,,,,,\n")); r.Known != 4 || r.Imported != 1 {
			t.Errorf("from another file: %+v", r)
		}
		p.read(&after, person, "person", "show", "--reason", "a test")
		if len(after.Consent) != 2 || len(after.Addresses) != 1 {
			t.Errorf("again: %+v", after)
		}
		if r := p.imports(0, more); r.Imported != 2 || r.Refused != 0 {
			t.Errorf("JSON lines: %+v", r)
		}
	})
}

// A yes that was given before a no never counts, however late it comes.
func TestImportNeverOverALaterNo(t *testing.T) {
	p := newPlace(t)
	p.must(person, "person", "consent", "withdraw", "--method", "desk", "--at", "2025-11-03T12:00:00+01:00")
	r := p.imports(0, p.write("list.csv", page(t, "csv")))
	if r.Inactive != 2 || r.Lines[0].Line != 2 || r.Lines[0].Outcome != ledger.Inactive || r.Lines[0].Field != "said" {
		t.Errorf("%+v", r)
	}
	var who web.Person
	p.read(&who, person, "person", "show", "--reason", "a test")
	for _, c := range who.Consent {
		if c.Type == consent.Granted && who.Worth[c.ID] == consent.IsGranted {
			t.Errorf("it counts: %+v", who)
		}
	}
	// One that was given after it does.
	later := strings.ReplaceAll(page(t, "csv"), "2025-11-03T10:15", "2025-11-03T12:01")
	if r = p.imports(0, p.write("later.csv", later)); r.Inactive != 0 || r.Imported != 1 || r.Known != 3 {
		t.Errorf("%+v", r)
	}
	p.read(&who, person, "person", "show", "--reason", "a test")
	counts := 0
	for _, s := range who.Worth {
		if s == consent.IsGranted {
			counts++
		}
	}
	if counts != 1 {
		t.Errorf("%+v", who)
	}
}

func TestImportRefuses(t *testing.T) {
	p := newPlace(t)
	const head = "country,id,kind,type,said,method,evidence,channel,purposes,notice,notice_hash,notice_language,address\n"
	good := strings.Split(page(t, "csv"), "\n")[1]
	change := func(was, is string) string { return strings.Replace(good, was, is, 1) }
	rows := []struct{ row, field string }{
		{change("form 2025-118", ""), "evidence"},
		{change("desk", "dsk"), "method"},
		{change("010170-1234", "999999-9999"), "id"},
		{change("DK", "XX"), "country"},
		{change("consent", "wish"), "kind"},
		{change("granted", "perhaps"), "type"},
		{change("2025-11-03T10:15:00+01:00", "yesterday"), "said"},
		{change("2025-11-03T10:15:00+01:00", "2125-11-03"), "said"},
		{change("sms-info 2", "=cmd()"), "notice"},
		{change("form 2025-118", "@SUM(A1)"), "evidence"},
		{change("form 2025-118", "\"a\tb\""), "evidence"},
		{change("form 2025-118", strings.Repeat("x", 501)), "evidence"},
		{change("9f86d0", "zz86d0"), "notice.hash"},
		{change("reminder", "survey"), "purposes"},
		{good + "20 12 34 56", "address"},
		{good + ",more", ""},
		{"DK,010170-1234,address,verified,2025-11-03,desk-id,form 1,sms,,,,,12", "address"},
		{"DK,010170-1234,address,verified,2025-11-03,fax,form 1,sms,,,,,20 12 34 56", "method"},
		{change("form 2025-118", "form \xff"), "evidence"},
	}
	text := head
	for _, r := range rows {
		text += r.row + "\n"
	}
	r := p.imports(1, p.write("bad.csv", text+good+"\n"))
	if r.Refused != len(rows) || r.Imported != 1 || len(r.Lines) != len(rows) {
		t.Errorf("%+v", r)
	}
	byLine := map[int]ledger.ImportLine{}
	for _, l := range r.Lines {
		byLine[l.Line] = l
	}
	for i, c := range rows {
		if l := byLine[i+2]; l.Field != c.field || l.Outcome != ledger.Refused || l.Why == "" {
			t.Errorf("line %d: %+v, want the field %q", i+2, l, c.field)
		}
	}
	for name, text := range map[string]string{
		"no.csv": "", "odd.csv": "country,id,shoe size\n", "twice.csv": "country,id,id,kind,type,said,method,evidence\n", "less.csv": "country,id\n",
		"quotes.csv": head + "DK,\"0101,x\n", "long.csv": head + strings.Repeat("x", lineMost+1), "list.txt": head, "bomb.gz": "x", "binary.csv": "\x1f\x8b\x08\x00",
	} {
		out, errs, code := p.husk("", "person", "import", p.write(name, text), "--reason", "a test")
		if code != 1 || errs == "" {
			t.Errorf("%s: %d %s%s", name, code, out, errs)
		}
	}
	if _, errs, code := p.husk("", "person", "import", p.dir, "--reason", "a test"); code != 1 || !strings.Contains(errs, "want a file") {
		t.Errorf("a directory: %d %s", code, errs)
	}
	// Mended, the rest comes in.
	if r := p.imports(0, p.write("bad.csv", head+good+"\n"+strings.Replace(good, "form 2025-118", "form 2025-119", 1)+"\n")); r.Imported != 1 || r.Known != 1 {
		t.Errorf("mended: %+v", r)
	}
	for _, secret := range []string{"999999", "2012345", "20 12 34 56", "010170", "0101701234", "cmd()", "anna@"} {
		if strings.Contains(p.all.String(), secret) {
			t.Errorf("the output holds %q", secret)
		}
	}
}

// breaking fails after some batches.
type breaking struct {
	http.RoundTripper
	left int
}

func (b *breaking) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost {
		if b.left--; b.left < 0 {
			return nil, fmt.Errorf("broken off")
		}
	}
	return b.RoundTripper.RoundTrip(r)
}

// Broken off, it goes on where it was.
func TestImportGoesOn(t *testing.T) {
	p := newPlace(t)
	const rows = 1100
	text := "country,id,kind,type,said,method,evidence,channel\n"
	for n := range rows {
		text += fmt.Sprintf("DK,%02d%02d%02d-%04d,consent,refused,2025-11-03,desk,form %d,sms\n", 1+n%28, 1+n%12, 50+n%40, 1000+n, n)
	}
	list := p.write("many.csv", text)
	_, stop := p.serve()
	defer stop()
	c := rootCommand()
	if err := c.ParseFlags([]string{"--data", p.dir}); err != nil {
		t.Fatal(err)
	}
	cfg, err := configure(c)
	if err != nil || cfg.Data != p.dir {
		t.Fatal(err)
	}
	s, err := connect(context.Background(), cfg, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.closes() }()
	s.http.Transport = &breaking{s.http.Transport, 2}
	if _, err := importFile(t.Context(), s, list, "a test", false); err == nil {
		t.Fatal("nothing broke")
	}
	r := p.imports(0, list)
	if r.Skipped != 1+importBatch || r.Rows != rows-importBatch || r.Imported != rows-2*importBatch || r.Known != importBatch {
		t.Errorf("%+v", r)
	}
	if r := p.imports(0, list); r.Skipped != 0 || r.Known != rows || r.Imported != 0 {
		t.Errorf("once more: %+v", r)
	}

	// What was refused before the break is told then, and again by the next call: by the file's reader, and by the server.
	for name, row := range map[string]string{
		"reader": "DK,010170-1234,consent,refused,2025-11-03,desk,,sms\n", "server": "DK,999999-9999,consent,refused,2025-11-03,desk,form 1,sms\n",
	} {
		head, rest, _ := strings.Cut(text, "\n")
		list := p.write(name+".csv", head+"\n"+row+rest)
		s.http.Transport.(*breaking).left = 2
		first, err := importFile(t.Context(), s, list, "a test", false)
		if err == nil || first.Refused != 1 || len(first.Lines) != 1 || first.Lines[0].Line != 2 {
			t.Errorf("%s: broken off with %v: %+v", name, err, first)
		}
		if r := p.imports(1, list); r.Refused != 1 || r.Lines[0].Line != 2 || r.Known != rows {
			t.Errorf("%s: the next call: %+v", name, r)
		}
	}
}

// A file that can't be read to its end is told of up to there.
func TestImportTellsBeforeABreak(t *testing.T) {
	p := newPlace(t)
	out, _, code := p.husk("", "person", "import", p.write("torn.csv", page(t, "csv")+"DK,\"010170\n"), "--reason", "a test")
	if code != 1 || !strings.Contains(out, "4 of 4 rows") {
		t.Errorf("exit code %d, and it printed %q", code, out)
	}
}

func TestExportEraseMerge(t *testing.T) {
	both(t, nil, func(t *testing.T, p *place, _ bool) {
		p.imports(0, p.write("list.csv", page(t, "csv")))
		var masked, x ledger.Export
		p.read(&masked, person, "person", "export", "--reason", "the citizen asked")
		p.read(&x, person, "person", "export", "--reason", "the citizen asked", "--reveal")
		if len(x.Words) != 1 || x.Words[0].Source == nil || x.Words[0].Source.Evidence != "form 2025-118" || x.Words[0].Source.Line != 2 {
			t.Errorf("words %+v", x.Words)
		}
		if len(x.Addresses) != 1 || x.Addresses[0].Address != "+4520123456" || len(masked.Addresses) != 1 || strings.Contains(masked.Addresses[0].Address, "2012") {
			t.Errorf("addresses %+v, masked %+v", x.Addresses, masked.Addresses)
		}
		actions := ""
		for _, a := range x.Audits {
			actions += a.Action + " "
		}
		if !strings.Contains(actions, "person.export ") || !strings.Contains(actions, "person.export.revealed") {
			t.Errorf("audit %s", actions)
		}
		text := p.must(person, "person", "export", "--reason", "the citizen asked")
		for _, want := range []string{"What was said about messages", "form 2025-118", "Who read or changed it", "the citizen asked"} {
			if !strings.Contains(text, want) {
				t.Errorf("the readable export lacks %q", want)
			}
		}

		// A replacement id turns out to be somebody.
		var m ledger.MergeResult
		p.read(&m, "DK 020280-2345\nDK 040490-4567\n", "person", "merge", "--evidence", "notice 12", "--reason", "register")
		if m.Words != 1 {
			t.Errorf("merged %+v", m)
		}
		if _, errs, code := p.husk("DK 020280-2345\n", "person", "consent", "notice", "--channels", "sms", "--method", "desk"); code == 0 {
			t.Errorf("a yes for the id that was given up: %s", errs)
		}

		var e ledger.Erasure
		p.read(&e, person, "person", "erase", "--reason", "the citizen asked")
		if !e.Complete || e.Words != 1 {
			t.Errorf("erased %+v", e)
		}
		var after ledger.Export
		p.read(&after, person, "person", "export", "--reason", "a test", "--reveal")
		if len(after.Words)+len(after.Addresses) != 0 || after.Erased.IsZero() || len(after.Proof) != 1 {
			t.Errorf("after: %+v", after)
		}
		r := p.imports(1, filepath.Join(p.dir, "..", "list.csv"))
		if r.Refused != 2 || r.Known != 2 || r.Lines[0].Field != "said" {
			t.Errorf("imported again: %+v", r)
		}
		if _, errs, code := p.husk("DK 050590-5678\n", "person", "erase", "--reason", "x"); code != 1 || !strings.Contains(errs, "nothing is held") {
			t.Errorf("nobody: %d %s", code, errs)
		}
		p.must("DK 050590-5678\n", "person", "erase", "--reason", "x", "--unknown")
		if _, _, code := p.husk(person, "person", "erase"); code == 0 {
			t.Error("without a reason")
		}
		if out := p.must("", "keys", "list"); !strings.Contains(out, "One process owns the data") {
			t.Errorf("%s", out)
		}
	})
}

func decodeJSON[T any](t *testing.T, text string) (out T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}
