// Command cmd checks a demo's outbox against its scenario: go run ./test/check/cmd scenario.json outbox. It exits with 0
// when all is as it must be, 1 when something is wrong, 2 when it could not be checked.
package main

import (
	"fmt"
	"os"

	"github.com/husk-reminders/husk/test/check"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go run ./test/check/cmd <scenario.json> <outbox folder>")
		os.Exit(2)
	}
	r, err := check.Run(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	fmt.Print(r)
	if !r.OK() {
		os.Exit(1)
	}
}
