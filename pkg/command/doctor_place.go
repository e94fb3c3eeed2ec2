package command

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/app"
	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/journal"
)

// keyset checks the installation's keys: losing them loses every sealed byte.
func (d *doctor) keyset() {
	path := d.cfg.Keys.File
	_, err := journal.ReadKeyset(path)
	if errors.Is(err, fs.ErrNotExist) {
		if d.cfg.Shared() {
			d.closed = true
			d.tell("keyset", problem, "copy it from a process of the installation; only for a new one: husk keys new", "no keyset at %s", path)
			return
		}
		if d.hasData() {
			d.closed = true
			d.tell("keyset", problem, "restore the keyset from its backup: without it the data can't be read", "there is data but no keyset at %s", path)
			return
		}
		d.tell("keyset", fine, "", "none yet: husk serve makes it at %s", path)
		return
	}
	if err != nil {
		d.closed = true
		d.blame("keyset", err, "see the message; never make a new keyset for old data")
		return
	}
	st, err := os.Stat(path)
	if err != nil {
		d.blame("keyset", err, "")
		return
	}
	age := d.now.Sub(st.ModTime())
	if rel, err := filepath.Rel(d.cfg.Data, path); err == nil && !strings.HasPrefix(rel, "..") && d.cfg.Mode == config.ModeProduction {
		d.tell("keyset", warning, "set keys.file to a place outside the data directory: whoever has both in one backup can read everything",
			"it lies inside the data directory, %s", path)
	}
	switch {
	case age < -time.Hour:
		d.tell("keyset", warning, "see whether the clock is right, or the file was replaced", "%s was written in the future", path)
	default:
		d.tell("keyset", fine, "", "%s, only for its owner, %d days old; keep a copy apart from the data's backup", path, int(age.Hours()/24))
	}
}

// How little room is too little. The broker gives its storage up when the disk is full.
const (
	leastFree = 256 << 20
	spareFree = 1 << 30
)

// disk checks the data directory and the room for it.
func (d *doctor) disk() {
	st, err := os.Stat(d.cfg.Data)
	at := d.cfg.Data
	switch {
	case errors.Is(err, fs.ErrNotExist):
		for at != filepath.Dir(at) {
			if at = filepath.Dir(at); exists(at) {
				break
			}
		}
	case err != nil:
		d.closed = true
		d.blame("disk", err, "make the data directory readable for this user")
		return
	case !st.IsDir():
		d.closed = true
		d.tell("disk", problem, "name a directory in data", "%s is no directory", d.cfg.Data)
		return
	case st.Mode().Perm()&0o077 != 0:
		d.tell("disk", problem, "chmod 700 it", "the data directory is open to others (%v)", st.Mode().Perm())
	}
	free, err := app.Free(at)
	need := uint64(spareFree + d.cfg.Broker.EventsMaxBytes)
	if d.cfg.Shared() {
		need = leastFree // the broker's data is elsewhere
	}
	switch {
	case err != nil:
		d.tell("disk", warning, "look at the free space yourself", "the free space below %s is not known here", at)
	case free < leastFree:
		d.tell("disk", problem, "make room: intake refuses events when the disk is full", "%s free for %s", bytesOf(free), d.cfg.Data)
	case free < need:
		d.tell("disk", warning, "make room, or lower broker.events_max_bytes", "%s free for %s; the intake alone may take %s", bytesOf(free), d.cfg.Data, bytesOf(uint64(d.cfg.Broker.EventsMaxBytes)))
	default:
		d.tell("disk", fine, "", "%s free for %s", bytesOf(free), d.cfg.Data)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
