package web

import (
	"context"
	"errors"
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

// records is who does it; without, nobody may.
func (a *API) records() (Records, error) {
	if a.o.Records == nil {
		return nil, &forbidden{"whole records can't be reached here"}
	}
	return a.o.Records, nil
}

type recordInput struct {
	Key    string `path:"key" pattern:"^[1-9]-[0-9a-f]{32}$" patternDescription:"a person key; POST /v1/persons/key makes one of a national id"`
	Reveal bool   `query:"reveal" doc:"With addresses, national id and name written out"`
	Reason string `query:"reason" required:"true" doc:"Why, for the audit; no number, no name"`
}

// exportPerson hands out everything that is held of a person. With reveal=true addresses, national id and name are written out.
func (a *API) exportPerson(ctx context.Context, c *caller, in *recordInput) (ledger.Export, error) {
	key, none := reminder.PersonKey(in.Key), ledger.Export{}
	reason, err := reasonOf(in.Reason, true)
	if err != nil {
		return none, err
	}
	action := "person.export"
	if in.Reveal {
		action = "person.export.revealed"
	}
	if err := a.audit(ctx, c, everybody, action, key, "", reason); err != nil {
		return none, err
	}
	records, err := a.records()
	if err != nil {
		return none, err
	}
	return records.Export(ctx, key, ledger.Exporting{Reveal: in.Reveal})
}

type eraseInput struct {
	Key  string `path:"key" pattern:"^[1-9]-[0-9a-f]{32}$" patternDescription:"a person key; POST /v1/persons/key makes one of a national id"`
	Body Erase
}

// erasePerson answers when it is done. It goes on when the one who asked has hung up: half an erasure is none.
func (a *API) erasePerson(ctx context.Context, c *caller, in *eraseInput) (ledger.Erasure, error) {
	key, q, none := reminder.PersonKey(in.Key), in.Body, ledger.Erasure{}
	reason, err := reasonOf(q.Reason, true)
	if err != nil {
		return none, err
	}
	if err := a.audit(ctx, c, everybody, "person.erase", key, "", reason); err != nil {
		return none, err
	}
	records, err := a.records()
	if err != nil {
		return none, err
	}
	return records.Erase(ctx, ledger.Erasing{Person: key, NoProof: q.NoProof, Unknown: q.Unknown, Later: q.Later})
}

type mergeInput struct {
	Key  string `path:"key" pattern:"^[1-9]-[0-9a-f]{32}$" patternDescription:"a person key; POST /v1/persons/key makes one of a national id"`
	Body Merge
}

func (a *API) mergePerson(ctx context.Context, c *caller, in *mergeInput) (ledger.MergeResult, error) {
	key, q, none := reminder.PersonKey(in.Key), in.Body, ledger.MergeResult{}
	if _, err := reminder.ParsePersonKey(string(q.Into)); err != nil {
		return none, want("into", "a person key; POST /v1/persons/key makes one of a national id")
	}
	if strings.TrimSpace(q.Evidence) == "" || len(q.Evidence) > 500 {
		return none, want("evidence", "where it stands that the two are one person, in up to 500 bytes")
	}
	if longNumber(q.By) {
		return none, want("by", "a role or staff id, no number that could be a person's")
	}
	reason, err := reasonOf(q.Reason, true)
	if err != nil {
		return none, err
	}
	for _, k := range []reminder.PersonKey{key, q.Into} {
		if err := a.audit(ctx, c, everybody, "person.merge", k, "", reason); err != nil {
			return none, err
		}
	}
	records, err := a.records()
	if err != nil {
		return none, err
	}
	return records.Merge(ctx, ledger.Merging{From: key, Into: q.Into, Evidence: q.Evidence, By: q.By})
}

type progressInput struct {
	File string `path:"file" pattern:"^[0-9a-f]{64}$" patternDescription:"the SHA-256 of the file, 64 lower-case hex digits"`
}

func (a *API) importProgress(ctx context.Context, c *caller, in *progressInput) (Progress, error) {
	if err := a.audit(ctx, c, everybody, "import.progress", "", "", "file "+fileName(in.File)); err != nil {
		return Progress{}, err
	}
	records, err := a.records()
	if err != nil {
		return Progress{}, err
	}
	n, err := records.ImportedThrough(ctx, in.File)
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

type importInput struct {
	File string `path:"file" pattern:"^[0-9a-f]{64}$" patternDescription:"the SHA-256 of the file, 64 lower-case hex digits"`
	Body Import
}

// importRows takes rows down. Every batch is in the audit, with how many persons it is about, and not whom: the records name their
// source.
func (a *API) importRows(ctx context.Context, c *caller, in *importInput) (ledger.ImportResult, error) {
	file, q, none := in.File, in.Body, ledger.ImportResult{}
	if len(q.Rows) > ledger.ImportMost {
		return none, want("rows", "at most "+strconv.Itoa(ledger.ImportMost))
	}
	reason, err := reasonOf(q.Reason, true)
	if err != nil {
		return none, err
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
			return none, err
		default:
			x.Rows = append(x.Rows, y)
		}
	}
	action := "person.import"
	if q.DryRun {
		action = "person.import.tried"
	}
	if err := a.audit(ctx, c, everybody, action, "", "", "file "+fileName(file)+", "+strconv.Itoa(len(q.Rows))+" rows: "+reason); err != nil {
		return none, err
	}
	records, err := a.records()
	if err != nil {
		return none, err
	}
	out, err := records.Import(ctx, x)
	out.Lines = append(refused, out.Lines...)
	return out, err
}

func (a *API) holders(ctx context.Context, c *caller, _ *struct{}) ([]ledger.Holder, error) {
	if err := a.audit(ctx, c, everybody, "keys.holders", "", "", ""); err != nil {
		return nil, err
	}
	return a.listHolders(ctx)
}

func (a *API) listHolders(ctx context.Context) ([]ledger.Holder, error) {
	records, err := a.records()
	if err != nil {
		return nil, err
	}
	out, err := records.Holders(ctx)
	return append([]ledger.Holder{}, out...), err
}

// Forget is what POST /v1/keys/holders/{holder}/forget takes.
type Forget struct {
	Reason string `json:"reason"` // for the audit
}

type forgetInput struct {
	Holder string `path:"holder" pattern:"^[0-9a-f]{12}$" patternDescription:"a holder's id, as the listing has it"`
	Body   Forget
}

func (a *API) forgetHolder(ctx context.Context, c *caller, in *forgetInput) ([]ledger.Holder, error) {
	reason, err := reasonOf(in.Body.Reason, true)
	if err != nil {
		return nil, err
	}
	if err := a.audit(ctx, c, everybody, "keys.forget", "", "", reason); err != nil {
		return nil, err
	}
	records, err := a.records()
	if err != nil {
		return nil, err
	}
	if err := records.Forget(ctx, in.Holder); err != nil {
		return nil, err
	}
	return a.listHolders(ctx)
}
