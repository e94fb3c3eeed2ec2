package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"strings"

	defaults "github.com/husk-reminders/husk/config"
	"github.com/husk-reminders/husk/pkg/journal/kv"
	"github.com/husk-reminders/husk/templates"
)

// keepVersions keeps each version of the templates and of the unit directory, so that what was sent can be rendered again.
func (a *App) keepVersions(ctx context.Context) error {
	store, err := kv.Open(ctx, a.js, kv.Templates, a.Config.NATS.Replicas)
	if err != nil {
		return fmt.Errorf("app: %w", err)
	}
	files := directory(a.Config.Templates, templates.FS)
	for _, t := range a.Templates.All() {
		data, err := fs.ReadFile(files, t.File())
		if err == nil {
			err = store.Keep(ctx, strings.Replace(t.ID(), "@", "/", 1), data)
		}
		if err != nil {
			return fmt.Errorf("app: %w", err)
		}
	}
	units := defaults.Units
	if f := a.Config.Units.File; f != "" {
		if units, err = os.ReadFile(f); err != nil {
			return fmt.Errorf("app: units.file: %w", err)
		}
	}
	if store, err = kv.Open(ctx, a.js, kv.Units, a.Config.NATS.Replicas); err == nil {
		sum := sha256.Sum256(units)
		err = store.Keep(ctx, "units/"+hex.EncodeToString(sum[:4]), units)
	}
	if err != nil {
		return fmt.Errorf("app: %w", err)
	}
	return nil
}
