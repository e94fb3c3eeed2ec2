// Command husk reminds patients of their appointments by SMS and e-mail. See `husk help`.
package main

import (
	"os"

	"github.com/husk-reminders/husk/pkg/command"
)

func main() { os.Exit(command.Execute()) }
