package command

import (
	"bytes"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/inbound"
)

func TestClassifyPrintsALineForEach(t *testing.T) {
	var out bytes.Buffer
	if err := classify(strings.NewReader("STOP\r\n\nKan ikke komme & <b>\nREGH stop"), &out, inbound.ClassifyOptions{Keyword: "regh"}); err != nil {
		t.Fatal(err)
	}
	want := `{"text":"STOP","intent":"stop","why":"word STOP alone"}
{"text":"","intent":"other","why":"no rule"}
{"text":"Kan ikke komme & <b>","intent":"cancel_appointment","why":"a phrase that gives up the appointment"}
{"text":"REGH stop","intent":"stop","why":"word STOP alone"}
`
	if out.String() != want {
		t.Errorf("got %s", out.String())
	}
	if err := classify(strings.NewReader(strings.Repeat("x", 2<<20)), &out, inbound.ClassifyOptions{}); err == nil {
		t.Error("a line of two megabytes is read")
	}
}

func TestInboundClassifyCommand(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"inbound", "classify"}, strings.NewReader("FEJL\n"), &out, &errs); code != 0 || !strings.Contains(out.String(), `"intent":"wrong_number"`) {
		t.Errorf("%d: %s%s", code, out.String(), errs.String())
	}
	if code := run(t.Context(), []string{"inbound", "classify", "a", "b"}, strings.NewReader(""), &out, &errs); code != 2 {
		t.Errorf("two files: %d", code)
	}
}
