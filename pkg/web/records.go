package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Records does what concerns the whole record of a person; see *ledger.Ledger. Holders and Forget are of keyset files.
type Records interface {
	Export(ctx context.Context, p reminder.PersonKey, how ledger.Exporting) (ledger.Export, error)
	Erase(ctx context.Context, x ledger.Erasing) (ledger.Erasure, error)
	Merge(ctx context.Context, m ledger.Merging) (ledger.MergeResult, error)
	Import(ctx context.Context, x ledger.Importing) (ledger.ImportResult, error)
	ImportedThrough(ctx context.Context, file string) (int, error)
	Holders(ctx context.Context) ([]ledger.Holder, error)
	Forget(ctx context.Context, holder string) error // ErrNotFound when there is no such
}

// Erase is what POST /v1/persons/{key}/erase takes; see ledger.Erasing.
type Erase struct {
	Reason  string `json:"reason"` // for the audit
	NoProof bool   `json:"no_proof,omitempty"`
	Unknown bool   `json:"unknown,omitempty"`
	Later   bool   `json:"later,omitempty"`
}

// Merge is what POST /v1/persons/{key}/merge takes: the person of the path goes by Into from now on.
type Merge struct {
	Into     reminder.PersonKey `json:"into"`
	Evidence string             `json:"evidence"` // where it stands that they are one; sealed
	By       string             `json:"by,omitempty"`
	Reason   string             `json:"reason"` // for the audit
}

// Import is what POST /v1/imports/{file} takes: rows of a file, in its order.
type Import struct {
	Rows    []ImportRow `json:"rows"`
	Through int         `json:"through"` // the file's line up to which all rows have been sent, with these
	Last    bool        `json:"last,omitempty"`
	DryRun  bool        `json:"dry_run,omitempty"`
	Reason  string      `json:"reason"` // for the audit
}

// Progress answers GET /v1/imports/{file}.
type Progress struct {
	Through int `json:"through"` // 0 = from the start
}

// longTime is how long a call about a whole record may take: an export reads the whole journal, an erasure rewraps every key.
const longTime = 30 * time.Minute

// maxImport is the most that a batch of rows may hold, in bytes.
const maxImport = 2 << 20

// recordCall answers with a value that becomes JSON.
type recordCall func(ctx context.Context, c *caller, r *http.Request) (any, error)

// records are the calls about whole records. They are for the admin socket alone, whatever an API key's role, and so no part of the
// OpenAPI document.
func (a *API) records() {
	for pattern, f := range map[string]recordCall{
		"GET /v1/persons/{key}/export":          a.exportPerson,
		"POST /v1/persons/{key}/erase":          a.erasePerson,
		"POST /v1/persons/{key}/merge":          a.mergePerson,
		"GET /v1/imports/{file}":                a.importProgress,
		"POST /v1/imports/{file}":               a.importRows,
		"GET /v1/keys/holders":                  a.holders,
		"POST /v1/keys/holders/{holder}/forget": a.forgetHolder,
	} {
		a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { a.wholeRecord(w, r, f) })
	}
}

func (a *API) wholeRecord(w http.ResponseWriter, r *http.Request, f recordCall) {
	c := callerOf(r.Context())
	if !c.local() || a.o.Records == nil {
		fail(w, http.StatusForbidden, Error{Text: "this is for the admin socket alone"})
		return
	}
	// It goes on when the one who asked has hung up: half an erasure is none.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), longTime)
	defer cancel()
	r.Body = http.MaxBytesReader(w, r.Body, maxImport)
	v, err := f(ctx, c, r)
	switch {
	case errors.Is(err, ledger.ErrNothingHeld):
		fail(w, http.StatusNotFound, Error{Text: "nothing is held of this person, so nothing was done"})
	case errors.Is(err, ledger.ErrMerged):
		fail(w, http.StatusConflict, Error{Text: "the person goes by another key now"})
	case errors.Is(err, ledger.ErrMerge):
		fail(w, http.StatusBadRequest, *recordError(err, ledger.ErrMerge))
	case err != nil:
		e := a.refusal(r.Pattern, err)
		fail(w, e.code, *e)
	default:
		answer(w, http.StatusOK, v)
	}
}

// readStrict reads a request's body.
func readStrict(r *http.Request, to any) error {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return want("body", "at most "+strconv.Itoa(maxImport>>20)+" MiB")
	}
	return strict(b, to)
}

func keyOf(r *http.Request, name string) (reminder.PersonKey, error) {
	k, err := reminder.ParsePersonKey(r.PathValue(name))
	if err != nil {
		return "", want(name, "a person key; POST /v1/persons/key makes one of a national id")
	}
	return k, nil
}

// exportPerson hands out everything that is held of a person. With reveal=true addresses, national id and name are written out.
func (a *API) exportPerson(ctx context.Context, c *caller, r *http.Request) (any, error) {
	key, err := keyOf(r, "key")
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	reason, err := reasonOf(q.Get("reason"), true)
	if err != nil {
		return nil, err
	}
	reveal, err := strconv.ParseBool(q.Get("reveal"))
	if q.Get("reveal") != "" && err != nil {
		return nil, want("reveal", "true or false")
	}
	action := "person.export"
	if reveal {
		action = "person.export.revealed"
	}
	if err := a.audit(ctx, c, everybody, action, key, "", reason); err != nil {
		return nil, err
	}
	return a.o.Records.Export(ctx, key, ledger.Exporting{Reveal: reveal})
}

func (a *API) erasePerson(ctx context.Context, c *caller, r *http.Request) (any, error) {
	key, err := keyOf(r, "key")
	if err != nil {
		return nil, err
	}
	var q Erase
	if err := readStrict(r, &q); err != nil {
		return nil, err
	}
	reason, err := reasonOf(q.Reason, true)
	if err != nil {
		return nil, err
	}
	if err := a.audit(ctx, c, everybody, "person.erase", key, "", reason); err != nil {
		return nil, err
	}
	return a.o.Records.Erase(ctx, ledger.Erasing{Person: key, NoProof: q.NoProof, Unknown: q.Unknown, Later: q.Later})
}

func (a *API) mergePerson(ctx context.Context, c *caller, r *http.Request) (any, error) {
	key, err := keyOf(r, "key")
	if err != nil {
		return nil, err
	}
	var q Merge
	if err := readStrict(r, &q); err != nil {
		return nil, err
	}
	if _, err := reminder.ParsePersonKey(string(q.Into)); err != nil {
		return nil, want("into", "a person key; POST /v1/persons/key makes one of a national id")
	}
	if strings.TrimSpace(q.Evidence) == "" || len(q.Evidence) > 500 {
		return nil, want("evidence", "where it stands that the two are one person, in up to 500 bytes")
	}
	if longNumber(q.By) {
		return nil, want("by", "a role or staff id, no number that could be a person's")
	}
	reason, err := reasonOf(q.Reason, true)
	if err != nil {
		return nil, err
	}
	for _, k := range []reminder.PersonKey{key, q.Into} {
		if err := a.audit(ctx, c, everybody, "person.merge", k, "", reason); err != nil {
			return nil, err
		}
	}
	return a.o.Records.Merge(ctx, ledger.Merging{From: key, Into: q.Into, Evidence: q.Evidence, By: q.By})
}

var fileRE = regexp.MustCompile(`^[0-9a-f]{64}$`)

func fileOf(r *http.Request) (string, error) {
	if f := r.PathValue("file"); fileRE.MatchString(f) {
		return f, nil
	}
	return "", want("file", "the SHA-256 of the file, 64 lower-case hex digits")
}

func (a *API) importProgress(ctx context.Context, c *caller, r *http.Request) (any, error) {
	file, err := fileOf(r)
	if err != nil {
		return nil, err
	}
	if err := a.audit(ctx, c, everybody, "import.progress", "", "", "file "+fileName(file)); err != nil {
		return nil, err
	}
	n, err := a.o.Records.ImportedThrough(ctx, file)
	return Progress{n}, err
}

// fileName is a file's hash as the audit names it: in letters, for a long number could be a person's.
func fileName(hash string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return 'g' + (r - '0')
		}
		return r
	}, hash[:12])
}

// importRows takes rows down. Every batch is in the audit, with how many persons it is about, and not whom: the records name their
// source.
func (a *API) importRows(ctx context.Context, c *caller, r *http.Request) (any, error) {
	file, err := fileOf(r)
	if err != nil {
		return nil, err
	}
	var q Import
	if err := readStrict(r, &q); err != nil {
		return nil, err
	}
	if len(q.Rows) > ledger.ImportMost {
		return nil, want("rows", "at most "+strconv.Itoa(ledger.ImportMost))
	}
	reason, err := reasonOf(q.Reason, true)
	if err != nil {
		return nil, err
	}
	x := ledger.Importing{File: file, By: c.actor, Through: q.Through, Last: q.Last, DryRun: q.DryRun}
	var refused []ledger.ImportLine
	now := a.o.Now()
	for _, row := range q.Rows {
		y, err := a.importRow(row, now)
		var field *FieldError
		switch {
		case errors.As(err, &field):
			refused = append(refused, ledger.ImportLine{Line: row.Line, Outcome: ledger.Refused, Field: field.Field, Why: "want " + field.Want})
		case err != nil:
			return nil, err
		default:
			x.Rows = append(x.Rows, y)
		}
	}
	action := "person.import"
	if q.DryRun {
		action = "person.import.tried"
	}
	if err := a.audit(ctx, c, everybody, action, "", "", "file "+fileName(file)+", "+strconv.Itoa(len(q.Rows))+" rows: "+reason); err != nil {
		return nil, err
	}
	out, err := a.o.Records.Import(ctx, x)
	out.Lines = append(refused, out.Lines...)
	return out, err
}

func (a *API) holders(ctx context.Context, c *caller, _ *http.Request) (any, error) {
	if err := a.audit(ctx, c, everybody, "keys.holders", "", "", ""); err != nil {
		return nil, err
	}
	return a.o.Records.Holders(ctx)
}

func (a *API) forgetHolder(ctx context.Context, c *caller, r *http.Request) (any, error) {
	var q struct {
		Reason string `json:"reason"`
	}
	if err := readStrict(r, &q); err != nil {
		return nil, err
	}
	reason, err := reasonOf(q.Reason, true)
	if err != nil {
		return nil, err
	}
	if err := a.audit(ctx, c, everybody, "keys.forget", "", "", reason); err != nil {
		return nil, err
	}
	if err := a.o.Records.Forget(ctx, r.PathValue("holder")); err != nil {
		return nil, err
	}
	return a.o.Records.Holders(ctx)
}
