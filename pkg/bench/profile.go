package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// profiled does what is timed, and writes a CPU profile of it where profiles are wanted.
func (r *run) profiled(part string, do func() error) error {
	if r.Profiles == "" {
		return do()
	}
	if err := os.MkdirAll(r.Profiles, 0o700); err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	f, err := os.Create(filepath.Join(r.Profiles, part+".pprof"))
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.Join(fmt.Errorf("profile: %w", err), f.Close())
	}
	err = do()
	pprof.StopCPUProfile()
	return errors.Join(err, f.Close())
}
