//go:build linux || darwin || freebsd

package app

import "syscall"

// Free is the room that an ordinary user has on the disk of a directory, in bytes.
func Free(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil //nolint:unconvert // the types differ between systems
}
