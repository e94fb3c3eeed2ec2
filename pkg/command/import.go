package command

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/web"
)

// importReport is what an import came to. It names lines, and no value of theirs.
type importReport struct {
	File     string              `json:"file"`             // SHA-256
	Rows     int                 `json:"rows"`             // that were read now
	Skipped  int                 `json:"skipped,omitzero"` // lines that an import of this file which was broken off had done
	Imported int                 `json:"imported"`         // the inactive ones too
	Known    int                 `json:"known"`            // were there already
	Inactive int                 `json:"inactive"`         // are kept, and allow nothing
	Refused  int                 `json:"refused"`          // nothing was written of them
	DryRun   bool                `json:"dryRun"`           // nothing was written at all
	Lines    []ledger.ImportLine `json:"lines"`            // the inactive and the refused
}

func personImport() *cobra.Command {
	var reason string
	var dry bool
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Take a list of words of consent and addresses in, each with its evidence",
		Long: "Reads FILE, CSV with a header (*.csv) or JSON lines (*.jsonl, *.ndjson), in the columns that config/import.md tells of. Every row needs\n" +
			"its evidence. A yes that came about in an unknown way is kept and never counts; nor does one over which a no was said at the same time or\n" +
			"later. What a person who was erased had said before is refused. It prints what became of each row by line number, without any value.\n\n" +
			"Broken off, it says what it came to, and goes on where it was when it is called again with the same file, but not beyond the first row that\n" +
			"was refused: that is told again. A row counts once however often it is imported.\n" +
			"The exit code is 1 when rows were refused: mend them, and import the file again.",
		Args: someArgs(1, "one file"),
	}
	f := c.Flags()
	f.BoolVar(&dry, "dry-run", false, "write nothing, say what would become of each row")
	f.StringVar(&reason, "reason", "", "why, for the audit (required)")
	c.RunE = withClient(func(c *cobra.Command, s *client, args []string) error {
		r, err := importFile(c.Context(), s, args[0], reason, dry)
		if err != nil && r.Rows == 0 {
			return err
		}
		if err := errors.Join(render(c, r, func(w io.Writer) { printImport(w, r) }), err); err != nil {
			return err
		}
		if r.Refused > 0 {
			return errProblems
		}
		return nil
	})
	return c
}

// What a file may be.
const (
	importSize  = 512 << 20 // bytes
	importRows  = 2_000_000
	importBatch = 400     // rows sent at once
	importBytes = 1 << 20 // of rows sent at once, about
)

func importFile(ctx context.Context, s *client, path, reason string, dry bool) (importReport, error) {
	r := importReport{DryRun: dry, Lines: []ledger.ImportLine{}}
	f, err := os.Open(path)
	if err != nil {
		return r, errors.New("the file can't be opened: is there one of this name, that this user may read?")
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	switch {
	case err != nil || !st.Mode().IsRegular():
		return r, errors.New("want a file, no directory and no pipe: it is read twice")
	case st.Size() > importSize:
		return r, fmt.Errorf("the file has %d MiB: want at most %d", st.Size()>>20, importSize>>20)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return r, errors.New("the file can't be read")
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return r, errors.New("the file can't be read twice")
	}
	r.File = hex.EncodeToString(sum.Sum(nil))
	rows, err := newRows(path, f)
	if err != nil {
		return r, err
	}
	if !dry {
		var p web.Progress
		if err := s.get(ctx, "/v1/imports/"+r.File, nil, &p); err != nil {
			return r, err
		}
		r.Skipped = p.Through
	}
	x := sending{client: s, report: &r, reason: reason, last: r.Skipped, safe: r.Skipped}
	for {
		row, err := rows.next()
		var bad *rowError
		switch {
		case errors.Is(err, io.EOF):
			return r, x.send(ctx, true)
		case errors.As(err, &bad):
			if bad.line > r.Skipped {
				x.refused(bad)
			}
			continue
		case err != nil:
			return r, errors.Join(err, x.send(ctx, false))
		case row.Line <= r.Skipped:
			continue
		}
		if r.Rows++; r.Rows > importRows {
			return r, fmt.Errorf("more than %d rows: split the file", importRows)
		}
		if err := x.add(ctx, row); err != nil {
			return r, err
		}
	}
}

// sending are the rows that are sent next.
type sending struct {
	*client
	report *importReport
	reason string
	batch  web.Import
	bytes  int
	last   int // line of the newest row in batch
	safe   int // line up to which everything was taken in and nothing refused: an import that goes on may skip that
}

func (x *sending) refused(b *rowError) {
	x.report.Rows++
	x.report.Refused++
	x.report.Lines = append(x.report.Lines, ledger.ImportLine{Line: b.line, Outcome: ledger.Refused, Field: b.field, Why: b.why})
}

func (x *sending) add(ctx context.Context, row web.ImportRow) error {
	x.batch.Rows = append(x.batch.Rows, row)
	x.last = row.Line
	x.bytes += 400 + len(row.Evidence) + len(row.Notice) + len(row.Address) + len(row.ID)
	if len(x.batch.Rows) < importBatch && x.bytes < importBytes {
		return nil
	}
	return x.send(ctx, false)
}

// send sends what there is. The last time there may be nothing: then it says that the file is done.
func (x *sending) send(ctx context.Context, last bool) error {
	if len(x.batch.Rows) == 0 && !last {
		return nil
	}
	x.batch.Through, x.batch.Last, x.batch.DryRun, x.batch.Reason = x.safe, last, x.report.DryRun, x.reason
	if x.batch.Rows == nil {
		x.batch.Rows = []web.ImportRow{}
	}
	var out ledger.ImportResult
	if err := x.post(ctx, "/v1/imports/"+x.report.File, x.batch, &out); err != nil {
		return fmt.Errorf("%w; what was taken in stays: call it again with the same file to go on", err)
	}
	x.report.Imported += out.Imported
	x.report.Known += out.Known
	for _, l := range out.Lines {
		if l.Outcome == ledger.Refused {
			x.report.Refused++
		} else {
			x.report.Inactive++
		}
	}
	x.report.Lines = append(x.report.Lines, out.Lines...)
	if x.report.Refused == 0 {
		x.safe = x.last
	}
	x.batch, x.bytes = web.Import{}, 0
	return nil
}

func printImport(w io.Writer, r importReport) {
	var rows [][]string
	for _, l := range r.Lines {
		rows = append(rows, []string{strconv.Itoa(l.Line), string(l.Outcome), l.Field, l.Why})
	}
	table(w, "Every row is as it should be.", []string{"LINE", "OUTCOME", "FIELD", "WHY"}, rows)
	done := "Imported"
	if r.DryRun {
		done = "Would be imported"
	}
	_, _ = fmt.Fprintf(w, "\n%s %d of %d rows (%d inactive); %d known already, %d refused.\n", done, r.Imported, r.Rows, r.Inactive, r.Known, r.Refused)
	if r.Skipped > 0 {
		_, _ = fmt.Fprintf(w, "Lines up to %d were done before it was broken off.\n", r.Skipped)
	}
}
