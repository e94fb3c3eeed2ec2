//go:build !linux

package browser

import "syscall"

// noOrphan ends the child when the tests die before their clean-up; only Linux can.
func noOrphan() *syscall.SysProcAttr { return nil }
