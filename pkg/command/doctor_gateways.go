package command

import (
	"maps"
	"slices"

	"github.com/husk-reminders/husk/pkg/provider/kannel"
)

// gateways warns of what programs beside Husk keep of messages by themselves. Kannel's access-logs have the number and the text of each
// message, and Husk can't see whether there are any.
func (d *doctor) gateways() {
	for _, name := range slices.Sorted(maps.Keys(d.cfg.Carriers)) {
		if d.cfg.Carriers[name].Type == kannel.Name {
			d.tell("gateways", warning, "leave access-log out of the groups core and smsbox, and keep log-level above 0; see that no proxy before it logs addresses",
				"carrier %s: Kannel writes the number and text of each message into its access-log, where there is one", name)
		}
	}
}
