package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

// load reads units, packs and templates, the shipped ones or the configured.
func (a *App) load() (err error) {
	if a.Units, err = ReadUnits(a.Config); err != nil {
		return err
	}
	var channels []reminder.Channel
	for _, x := range channelsOf(a.Config) {
		channels = append(channels, x.name)
	}
	a.Units = a.Units.Over(channels...)
	if a.Packs, err = ReadPacks(a.Config); err != nil {
		return err
	}
	files, err := ReadTemplates(a.Config)
	if err != nil {
		return err
	}
	a.Templates = template.NewLive(files, a.Now)
	if a.Scanner, err = redact.New(redact.Options{Checked: template.Checked()}); err != nil {
		return fmt.Errorf("app: %w", err)
	}
	return nil
}

// keyset reads the installation's keys, and makes them where neither they nor any data is there yet.
func keyset(c config.Config) (journal.Keyset, error) {
	k, err := journal.ReadKeyset(c.Keys.File)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if c.Shared() {
		return k, fmt.Errorf("app: keys.file: no keyset at %s: make one with husk keys new, and give every process the same", c.Keys.File)
	}
	if _, err := os.Stat(filepath.Join(c.Data, "broker")); err == nil {
		return k, fmt.Errorf("app: keys.file: there is data in %s but no keyset at %s: restore the keyset from its backup", c.Data, c.Keys.File)
	}
	if err := journal.NewKeyset().Write(c.Keys.File); err != nil {
		return k, err
	}
	return journal.ReadKeyset(c.Keys.File)
}

func snapshotPath(c config.Config) string { return filepath.Join(c.Data, "state", "snapshot") }
