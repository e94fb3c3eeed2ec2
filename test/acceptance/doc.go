// Package acceptance drives the built program as processes, the way an installation runs it: booking systems publish over the
// broker's port, staff speak to the admin socket, and a mail server stands at the other end and keeps its own record. Its tests
// kill, stall, fill the disk and feed nonsense, and then compare what Husk says with what the mail server has.
//
// Everything stays on the loopback interface, and every process is stopped by its id.
package acceptance
