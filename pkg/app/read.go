package app

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"

	defaults "github.com/husk-reminders/husk/config"
	policies "github.com/husk-reminders/husk/config/policy"
	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
	"github.com/husk-reminders/husk/templates"
)

// ReadUnits reads the configured unit directory, else the shipped one. One with a function address that may not be written to is refused.
func ReadUnits(c config.Config) (*reminder.Directory, error) {
	b, err := unitsFile(c)
	if err != nil {
		return nil, err
	}
	d, err := reminder.ReadUnits(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("app: units.file: %w", err)
	}
	if err := noticesAllowed(c.Notices, d); err != nil {
		return nil, err
	}
	return d, nil
}

// unitsFile is the unit directory as it is written.
func unitsFile(c config.Config) ([]byte, error) {
	if c.Units.File == "" {
		return defaults.Units, nil
	}
	b, err := os.ReadFile(c.Units.File)
	if err != nil {
		return nil, fmt.Errorf("app: units.file: %w", err)
	}
	return b, nil
}

// ReadPacks reads the configured policy packs, else the shipped ones.
func ReadPacks(c config.Config) (*policy.Set, error) {
	s, err := policy.Load(directory(c.Policy, policies.FS))
	if err != nil {
		return nil, fmt.Errorf("app: policy.dir: %w", err)
	}
	return s, nil
}

// ReadTemplates reads the configured templates, else the shipped ones.
func ReadTemplates(c config.Config) (*template.Set, error) {
	s, err := template.Load(directory(config.Directory{Dir: c.Templates.Dir}, templates.FS))
	if err != nil {
		return nil, fmt.Errorf("app: templates.dir: %w", err)
	}
	return s, nil
}

func directory(d config.Directory, shipped fs.FS) fs.FS {
	if d.Dir == "" {
		return shipped
	}
	return os.DirFS(d.Dir)
}
