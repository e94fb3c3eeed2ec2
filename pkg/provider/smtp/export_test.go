package smtp

import (
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
)

// ReadMail reads a mail that came back.
func ReadMail(s *Sender, raw []byte, at time.Time) (provider.Notice, error) {
	return s.readMail(raw, at)
}
