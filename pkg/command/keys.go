package command

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/journal"
)

func keysCommand() *cobra.Command {
	return group("keys", "The installation's keyset", keysHolders(), keysForget(), &cobra.Command{
		Use:   "new",
		Short: "Make the keyset of a new installation",
		Long: "Writes keys.file, which must not be there yet. With the embedded broker husk serve does it by itself; processes that share\n" +
			"a broker (nats.url) must all have the same file. Keep a copy apart from the data: without it nothing sealed can be read.",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := configure(c)
			if err != nil {
				return err
			}
			k := journal.NewKeyset()
			if err := k.Write(cfg.Keys.File); err != nil {
				return err
			}
			made := struct {
				File string `json:"file"`
				ID   string `json:"id"`
			}{cfg.Keys.File, k.ID()}
			return render(c, made, func(w io.Writer) {
				_, _ = fmt.Fprintf(w, "Made %s (keyset %s). Keep a copy apart from the data.\n", made.File, made.ID)
			})
		},
	})
}
