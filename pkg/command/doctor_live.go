package command

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/app"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/web"
)

// live checks what only an open line can tell: of the running husk serve, else opened here, else, where there is no data yet,
// opened on nothing in a temporary place.
func (d *doctor) live(c *cobra.Command) {
	cfg, serving := d.cfg, answers(d.cfg.Admin.Socket)
	who, err := app.Holder(cfg.Data)
	switch {
	case err != nil:
		d.blame("lock", err, "make the data directory writable for this user")
		return
	case serving:
		d.tell("lock", fine, "", "husk serve runs: %s", who)
	case who != "":
		d.tell("lock", problem, "wait if it is starting or stopping; else stop it", "%s holds the data but does not answer on %s", who, cfg.Admin.Socket)
		return
	default:
		d.tell("lock", fine, "", "nobody works on the data: husk serve does not run")
	}
	if !serving && d.closed {
		d.tell("line", warning, "mend the problems above and run doctor again", "broker, state and carriers are not checked")
		return
	}
	if !serving && !d.hasData() && !d.cfg.Shared() {
		dir, err := os.MkdirTemp("", "husk")
		if err != nil {
			d.blame("line", err, "")
			return
		}
		defer func() { _ = os.RemoveAll(dir) }()
		cfg.Data, cfg.Keys.File, cfg.Admin.Socket = dir, filepath.Join(dir, "keyset.json"), filepath.Join(dir, "s")
		d.tell("line", fine, "", "there is no data yet; the line is tried on an empty place")
	}
	s, err := connect(c.Context(), cfg, c.ErrOrStderr())
	if err != nil {
		d.blame("line", err, "see the message")
		return
	}
	defer func() {
		if err := s.closes(); err != nil {
			d.blame("line", err, "see the message")
		}
	}()
	d.line(c, s)
}

func (d *doctor) line(c *cobra.Command, s *client) {
	var st web.Status
	if err := s.get(c.Context(), "/v1/status", nil, &st); err != nil {
		var e *apiError
		if errors.As(err, &e) {
			d.tell("line", problem, "see the log of husk serve; it opens the line again by itself", "%s", e)
			return
		}
		d.blame("line", err, "see the message")
		return
	}
	d.streams(st.Streams)
	switch {
	case !st.Certified:
		d.tell("state", problem, "see the log; if it stays so: husk state rebuild", "not certified: nothing is sent")
	case !s.local && st.NotReady != "":
		d.tell("state", problem, "see the log of husk serve", "not ready: %s", st.NotReady)
	default:
		d.tell("state", fine, "", "certified")
	}
	for name, why := range st.Stopped {
		d.tell("switches", warning, "husk resume "+name+" --reason … when it may go on", "%s is stopped: %s", name, why)
	}
	d.carriers(c, s)
	d.count("open attempts", st.Counts[receipt.Unknown], "hand-overs in doubt, which are never repeated", "husk reminder list --status unknown; tell the clinics")
	d.count("held", st.Counts[receipt.Held], "messages that are not clean and wait for a clerk", "husk reminder list --status held says what to do about each")
	d.gone(c, s)
	d.liveTexts(c, s)
	d.count("dead letters", int(st.Dead), "booking events that could not be understood", "husk dead list; mend the sender or the unit directory, then husk dead replay")
}

// gone looks for appointments that wait for a unit which the unit directory does not have any more.
func (d *doctor) gone(c *cobra.Command, s *client) {
	var ls ledger.Letters
	if err := s.get(c.Context(), "/v1/letters", url.Values{"only": {ledger.UnknownUnit}, "max": {"10000"}}, &ls); err != nil {
		d.blame("letters", err, "see the log")
		return
	}
	n, units := len(ls.Letters)+ls.Left, map[string]bool{}
	for _, l := range ls.Letters {
		units[l.Unit] = true
	}
	if n == 0 {
		d.tell("letters", fine, "", "every unit that something waits for is in the unit directory")
		return
	}
	d.tell("letters", problem, "put the unit back into units.file and start husk serve again, or write to the patients: husk letter list",
		"%d appointments wait for units that are not in the unit directory (%s): nothing is sent for them", n, strings.Join(slices.Sorted(maps.Keys(units)), ", "))
}

func (d *doctor) count(check string, n int, what, do string) {
	if n > 0 {
		d.tell(check, warning, do, "%d %s", n, what)
		return
	}
	d.tell(check, fine, "", "none")
}

// The broker refuses new messages of a stream that is full, so somebody must know long before.
const almostFull = 0.7

func (d *doctor) streams(streams []web.Stream) {
	var bytes, behind uint64
	for _, x := range streams {
		bytes += x.Bytes
		if x.Folded != nil && x.Last > *x.Folded {
			behind += x.Last - *x.Folded
		}
		if x.MaxBytes > 0 && float64(x.Bytes) >= almostFull*float64(x.MaxBytes) {
			d.tell("broker", problem, "see why the line does not take events in (husk status); raise broker.events_max_bytes if there is room",
				"%s holds %s of %s: when it is full new ones are refused", x.Name, bytesOf(x.Bytes), bytesOf(uint64(x.MaxBytes)))
		}
	}
	if len(streams) == 0 {
		d.tell("broker", problem, "see the log", "it has no streams")
		return
	}
	d.tell("broker", fine, "", "%d streams, %s", len(streams), bytesOf(bytes))
	if behind > 0 {
		d.tell("state", warning, "look again in a moment", "%d entries are not folded yet", behind)
	}
}

func (d *doctor) carriers(c *cobra.Command, s *client) {
	var cs []web.Carrier
	if err := s.get(c.Context(), "/v1/carriers", url.Values{"try": {"true"}}, &cs); err != nil {
		d.blame("carriers", err, "see the log")
		return
	}
	usable := map[string]bool{}
	for _, x := range cs {
		for _, channel := range x.Channels {
			usable[channel] = usable[channel] || x.Usable()
		}
		switch {
		case x.Problem != "":
			d.tell("carriers", problem, fmt.Sprintf("mend carriers.%s.settings, or what they name", x.Name), "%s: %s", x.Name, x.Problem)
		case x.Blind != "":
			d.tell("carriers", problem, "mend the store: what can't be counted is not sent", "%s: what it carried today can't be told: %s", x.Name, x.Blind)
		case x.Full != "":
			d.tell("carriers", warning, fmt.Sprintf("raise carriers.%s.%s, or wait until midnight (send.zone)", x.Name, x.Full), "%s: its %s is reached", x.Name, x.Full)
		case x.Health == "resting" || x.Health == "returning":
			d.tell("carriers", warning, "ask the carrier; it is tried again by itself", "%s: %s: %d of its last minute's messages went wrong", x.Name, x.Health, x.Bad)
		case !x.Tried:
			d.tell("carriers", fine, "", "%s: %s can't be tried without sending", x.Name, x.Type)
		default:
			d.tell("carriers", fine, "", "%s: %s answers", x.Name, x.Type)
		}
	}
	for _, channel := range slices.Sorted(maps.Keys(usable)) {
		if !usable[channel] {
			d.tell("carriers", problem, "see husk carrier list", "no carrier takes messages by %s now: what is due waits", channel)
		}
	}
}

// bytesOf writes a number of bytes for people.
func bytesOf(n uint64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f, i := float64(n)/1024, 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	return fmt.Sprintf("%.1f %ciB", f, units[i])
}
