package gate

import "time"

// Made is when it was given.
func (p Permit) Made() time.Time { return p.made }
