//go:build !(linux || darwin || freebsd)

package command

import "errors"

func freeBytes(string) (uint64, error) { return 0, errors.ErrUnsupported }
