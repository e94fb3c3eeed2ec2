package pages

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"mime"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/ledger"
)

// letterFile is the letter list as a table for a spreadsheet: UTF-8 with a mark that says so, separated as the language's spreadsheets
// want it. It has no more of a person than the list: the booking's id.
func (v *visit) letterFile() error {
	unit := v.r.PathValue("unit")
	var all ledger.Letters
	if err := v.get(query("/v1/letters", "unit", unit, "max", "10000"), &all); err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString("\ufeff")
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	if v.words.language != "en" {
		w.Comma = ';'
	}
	var head []string
	for _, key := range []string{"how", "list", "start", "zone", "unit", "system", "appointment", "why", "code"} {
		head = append(head, v.words.must("letters.file."+key))
	}
	_ = w.Write(head) // to memory
	for _, l := range all.Letters {
		_ = w.Write(cells(v.letterCells(l)))
	}
	if all.Left > 0 { // a list that ends early says so
		text, err := v.words.count("letters.left", all.Left)
		if err != nil {
			return err
		}
		_ = w.Write([]string{"", "", "", "", "", "", "", text, ""})
	}
	w.Flush()
	v.w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	v.w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": v.letterFileName(unit)}))
	v.w.Header().Set("Content-Length", fmt.Sprint(b.Len()))
	_, _ = b.WriteTo(v.w)
	return nil
}

func (v *visit) letterFileName(unit string) string {
	name := "husk-letters-"
	if unit != "" {
		name += unit + "-"
	}
	return name + v.o.Now().In(v.zone()).Format(time.DateOnly) + ".csv"
}

func (v *visit) letterCells(l ledger.Letter) []string {
	how, list := "letters.letter", "letters.final"
	if l.Call {
		how = "letters.call"
	}
	if l.Provisional {
		list = "letters.so-far"
	}
	row, zone := v.letterRow(l), v.zoneOf(l.Unit)
	why := row.Why.Text
	if row.Status != "" {
		why = strings.TrimSpace(v.words.must("status."+string(row.Status)) + ". " + why)
	}
	return []string{
		v.words.must(how), v.words.must(list), l.Start.In(zone).Format("2006-01-02 15:04"), zone.String(), v.unitName(l.Unit, v.words.language), l.System,
		l.Appointment, why, row.Why.Code,
	}
}

// cells keeps what comes from elsewhere from being a formula in a spreadsheet (OWASP, CSV injection).
func cells(row []string) []string {
	for i, c := range row {
		if c != "" && strings.ContainsRune("=+-@\t\r\n", rune(c[0])) {
			row[i] = "'" + c
		}
	}
	return row
}
