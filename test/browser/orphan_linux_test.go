package browser

import "syscall"

// noOrphan ends the child when the tests die before their clean-up.
func noOrphan() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
