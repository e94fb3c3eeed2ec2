// Package rooms holds the import table: which package of Husk may import which. "Sent without consent" is then a
// broken import, not something that a reviewer has to notice: compose can be entered only with what gate makes, and
// dispatch alone hands messages to a carrier.
//
// It guarantees that every package under pkg/ stands in the table, that cmd/husk holds nothing but the command line,
// and that the broker and the store are spoken to in their own rooms alone. Imports of test files are free. It must
// never be made wider to let a change through: a new row or word in it is a decision about the design.
package rooms

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Module is the module's path.
const Module = "github.com/husk-reminders/husk"

// everything stands for all of pkg/ but packages that serve tests.
const everything = "*"

// table says what each package under pkg/ may import of pkg/. "-x" takes x and what is under it out of everything,
// "-x/" only what is under it. A row may wait for its package; a package without a row is refused.
var table = map[string]string{
	"reminder": "",
	"sms":      "",
	"config":   "",
	"policy":   "reminder",

	"intake":        "reminder",
	"intake/native": "reminder intake",
	"plan":          "reminder policy",
	"consent":       "reminder policy",
	"contact":       "reminder policy",

	"contact/code":             "reminder policy contact",
	"contact/register":         "reminder policy contact",
	"contact/krr":              "reminder policy contact contact/register",
	"contact/krr/maskinporten": "reminder policy contact contact/register",
	"contact/nemsms":           "reminder policy contact contact/register",
	"contact/verifytest":       "reminder policy contact contact/register contact/krr contact/krr/maskinporten contact/nemsms",

	"receipt": "reminder",

	"journal":         "reminder",
	"journal/kv":      "",
	"state":           "reminder plan consent contact receipt",
	"state/memory":    "reminder plan consent contact receipt state",
	"state/redis":     "reminder plan consent contact receipt state routing",
	"state/statetest": "reminder policy plan consent contact receipt state",
	"ledger":          "reminder plan consent contact receipt journal state",

	"gate":     "reminder policy consent contact",
	"template": "reminder sms",
	"redact":   "reminder sms",
	"compose":  "reminder gate template redact policy sms",

	"provider":              "reminder sms",
	"provider/outbox":       "reminder sms provider",
	"provider/smtp":         "reminder sms provider",
	"provider/smpp":         "reminder sms provider",
	"provider/httpsms":      "reminder sms provider",
	"provider/gatewayapi":   "reminder sms provider provider/httpsms",
	"provider/elks":         "reminder sms provider provider/httpsms",
	"provider/sinch":        "reminder sms provider provider/httpsms",
	"provider/link":         "reminder sms provider provider/httpsms",
	"provider/twilio":       "reminder sms provider provider/httpsms",
	"provider/kannel":       "reminder sms provider provider/httpsms",
	"provider/providertest": "reminder sms provider",
	"routing":               "reminder provider",
	"dispatch":              "reminder gate compose provider receipt routing",
	"inbound":               "reminder provider",

	"web": everything + " -intake/ -provider/ -journal -app -bench -command -web/",
	"app": everything + " -bench -command",

	"web/pages":             "reminder receipt consent contact policy gate ledger template compose sms web web/signin",
	"web/signin":            "web",
	"web/signin/signintest": "",

	"bench":   everything + " -command",
	"command": everything,
}

// outside says where a technology may be spoken to: in these packages under pkg/ and what is under them.
var outside = []struct {
	name   string
	is     func(path string) bool
	allows []string
}{
	{"NATS", func(path string) bool { return strings.HasPrefix(path, "github.com/nats-io/") }, []string{"intake", "journal", "app", "bench"}},
	{"Redis", func(path string) bool { return strings.Contains(path, "redis") }, []string{"state/redis", "app", "bench"}},
}

// thin says what a program under cmd/ may import beside the standard library.
var thin = map[string][]string{
	"cmd/husk": {Module + "/pkg/command", "github.com/spf13/cobra", "github.com/spf13/pflag"},
}

// played is what the demo plays, and who judges it: parts of test/ that the program carries.
var played = map[string][]string{"command": {"test/scenario", "test/check"}}

// Violations compares imports (of each package of the module, by import path, without its test files) with the table.
// Each violation is one line that names the package, the import and the rule; none = the table holds.
func Violations(imports map[string][]string) []string {
	var found []string
	for _, path := range slices.Sorted(maps.Keys(imports)) {
		name := strings.TrimPrefix(strings.TrimPrefix(path, Module), "/")
		room, isRoom := strings.CutPrefix(name, "pkg/")
		if name == "" {
			name = "the root package"
		}
		for _, imported := range imports[path] {
			if why := refused(name, room, isRoom, imported); why != "" {
				found = append(found, fmt.Sprintf("%s imports %s: %s", name, imported, why))
			}
		}
		if _, known := table[room]; isRoom && !known {
			found = append(found, name+" is not in the table of test/rooms: add its row, and say in its package comment why it is a room")
		}
		if _, known := thin[name]; strings.HasPrefix(name, "cmd/") && !known {
			found = append(found, name+" is not in the table of test/rooms: a program there is a thin command line over pkg/command")
		}
	}
	return found
}

// refused says why a package may not import another; empty if it may.
func refused(name, room string, isRoom bool, imported string) string {
	of, ours := strings.CutPrefix(imported, Module+"/")
	ours = ours || imported == Module
	if allowed, ok := thin[name]; ok {
		if !slices.Contains(allowed, imported) && (ours || !standard(imported)) {
			return "a program under cmd/ holds nothing but the command line"
		}
		return ""
	}
	if strings.HasPrefix(name, "test/") {
		return ""
	}
	if !ours {
		for _, tech := range outside {
			if tech.is(imported) && !(isRoom && slices.ContainsFunc(tech.allows, func(a string) bool { return within(room, a) })) {
				return tech.name + " is spoken to in " + strings.Join(tech.allows, ", ") + " only"
			}
		}
		return ""
	}
	to, toRoom := strings.CutPrefix(of, "pkg/")
	switch {
	case !isRoom:
		return "a package outside pkg/ and cmd/ only carries shipped files and imports nothing of the module"
	case toRoom:
		if !admits(table[room], to) {
			return fmt.Sprintf("the table has %q for it", table[room])
		}
	case slices.Contains(played[room], of):
		return ""
	case strings.HasPrefix(of, "cmd/") || strings.HasPrefix(of, "test/") || strings.HasPrefix(of, "scripts/"):
		return "nothing under pkg/ rests on cmd/, test/ or scripts/"
	}
	return ""
}

// admits reports whether a row lets a package in.
func admits(row, to string) bool {
	words := strings.Fields(row)
	if !slices.Contains(words, everything) {
		return slices.Contains(words, to)
	}
	if strings.HasSuffix(to, "test") {
		return false
	}
	for _, w := range words {
		if out, ok := strings.CutPrefix(w, "-"); ok && (strings.HasSuffix(out, "/") && strings.HasPrefix(to, out) || within(to, out)) {
			return false
		}
	}
	return true
}

// within reports whether a package is parent or under it.
func within(name, parent string) bool { return name == parent || strings.HasPrefix(name, parent+"/") }

// standard reports whether an import path is of the standard library: its first element has no dot.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}
