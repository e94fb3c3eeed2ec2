package app

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/husk-reminders/husk/pkg/contact/code"
)

// No code and no number stands anywhere in the clear: not in the data directory, a log, or a metric.
func TestCodesAreNowhere(t *testing.T) {
	var log bytes.Buffer
	w := &world{T: t, ctx: t.Context(), dir: t.TempDir(), clock: newClock(noon)}
	c, err := configIn(w.dir)
	w.ok(err)
	z := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewDevelopmentEncoderConfig()), zapcore.Lock(zapcore.AddSync(&log)), zap.DebugLevel))
	w.App, err = Open(t.Context(), Options{Config: c, Log: z, Now: w.clock.Now, ByHand: true, Rest: 3 * time.Millisecond})
	w.ok(err)
	w.Cleanup(w.Close)
	w.run()
	w.consents(1)
	var codes []string
	for range 3 {
		right := w.sent(1)
		codes = append(codes, right)
		_, err := w.tell(1, wrongOf(right))
		w.ok(err)
		w.clock.to(w.Now().Add(time.Hour))
	}
	codes = append(codes, w.sent(1))
	if r, err := w.tell(1, codes[3]); err != nil || r.Outcome != code.Right {
		t.Fatalf("%+v %v", r, err)
	}
	_, err = w.begin(1) // refused: within a minute
	w.is(err, code.ErrLimited)
	ms, err := w.Metrics.Gather()
	w.ok(err)
	w.ok(w.end())
	texts := map[string]string{"the log": log.String()}
	for _, m := range ms {
		texts["metric "+m.GetName()] = m.String()
	}
	size := 0
	w.ok(filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path, filepath.Join(w.dir, "outbox")) {
			return err
		}
		b, err := os.ReadFile(path)
		size += len(b)
		texts[path] = string(b)
		return err
	}))
	if size < 10_000 || log.Len() == 0 {
		t.Fatalf("%d bytes of files and %d of log: there is nothing to look at", size, log.Len())
	}
	for name, text := range texts {
		for _, s := range append(codes, "20100001", "desk-7 ") {
			// Six digits alone stand in many a timestamp: as a JSON value or between blanks they would be the code.
			for _, form := range []string{`"` + s + `"`, " " + s + " ", ":" + s + ",", "+45" + s} {
				if strings.Contains(text, form) {
					t.Errorf("%s holds %q", name, form)
				}
			}
		}
	}
	if got := fmt.Sprint(texts["metric husk_code_begun_total"], texts["metric husk_code_checked_total"]); !strings.Contains(got, `"sent"`) || !strings.Contains(got, `"limited"`) || !strings.Contains(got, `"right"`) {
		t.Errorf("metrics %s", got)
	}
}
