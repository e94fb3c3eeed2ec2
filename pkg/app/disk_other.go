//go:build !(linux || darwin || freebsd)

package app

import "errors"

// Free is the room on the disk of a directory, in bytes. Here it is errors.ErrUnsupported.
func Free(string) (uint64, error) { return 0, errors.ErrUnsupported }
