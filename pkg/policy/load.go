package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// ErrPack is the error of a pack file that is refused.
var ErrPack = errors.New("policy: pack")

// Load reads every *.yaml file in the root of fsys as one pack. It refuses, all faults at once and each with file, key,
// value and what is allowed: an unknown, missing or doubled key, a wrong value, an id that is not the file's name, two
// packs of one country in force at once, and no pack at all. The errors wrap ErrPack.
func Load(fsys fs.FS) (*Set, error) {
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("policy: list packs: %w", err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: no *.yaml file found: want at least one", ErrPack)
	}
	var s Set
	var faults []error
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			faults = append(faults, fmt.Errorf("policy: read %s: %w", name, err))
			continue
		}
		p, err := parse(name, data)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		s.packs = append(s.packs, p)
	}
	slices.SortFunc(s.packs, func(a, b Pack) int {
		if c := strings.Compare(string(a.Country), string(b.Country)); c != 0 {
			return c
		}
		return a.ValidFrom.Compare(b.ValidFrom)
	})
	for i := 1; i < len(s.packs); i++ {
		a, b := s.packs[i-1], s.packs[i]
		if a.Country == b.Country && (a.ValidUntil.IsZero() || b.ValidFrom.Before(a.ValidUntil)) {
			faults = append(faults, fmt.Errorf("%w %s: valid_from: %s is in force for %s then: give that one a valid_until no later",
				ErrPack, b.ID, a.ID, a.Country))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return &s, nil
}

// basisPurposes are the purposes a pack can give a basis. The others answer the one who wrote or prove an address, and are
// not asked of the gate.
var basisPurposes = []reminder.Purpose{reminder.Remind, reminder.Changed, reminder.Cancel}

var (
	countries = []string{"DK", "SE", "NO", "FI", "IS"}
	classes   = []string{"0", "1", "1.5", "2"}
)

// parse reads one pack file.
func parse(name string, data []byte) (Pack, error) {
	sum := sha256.Sum256(data)
	p := Pack{Hash: hex.EncodeToString(sum[:])}
	top := open(name, data, "id", "country", "zone", "valid_from", "valid_until", "basis", "consent", "channels",
		"links", "analysis", "verification", "cap")
	if top.nodes == nil {
		return Pack{}, top.err()
	}

	p.ID = top.oneOf("id", strings.TrimSuffix(name, ".yaml"))
	p.Country = reminder.Country(top.oneOf("country", countries...))
	loc := top.zone("zone")
	p.ValidFrom = top.day("valid_from", loc)
	if top.has("valid_until") {
		p.ValidUntil = top.day("valid_until", loc)
		if !p.ValidUntil.After(p.ValidFrom) {
			top.refuse("valid_until", "a day after valid_from")
		}
	}

	p.Basis = map[reminder.Purpose]Basis{}
	basis := top.section("basis", texts(basisPurposes)...)
	for _, u := range basisPurposes {
		if basis.has(string(u)) {
			p.Basis[u] = Basis(basis.oneOf(string(u), texts(Bases)...))
		}
	}
	if len(p.Basis) == 0 {
		top.refuse("basis", "a basis for at least one of "+strings.Join(texts(basisPurposes), ", "))
	}

	yes := top.section("consent", "scope", "guardian_until_age", "guardian_limited_from_age", "guardian_custody", "ask_again_after", "proof_years")
	p.Scope = Scope(yes.oneOf("scope", texts(Scopes)...))
	p.GuardianUntilAge = yes.number("guardian_until_age", 0, 21)
	p.ProofYears = yes.number("proof_years", 0, 30)
	yes.people(&p)
	p.Analysis = top.required("analysis")

	p.MaxLength, p.Ceiling = map[reminder.Channel]int{}, map[reminder.Channel]reminder.Class{}
	p.Verification.MaxAge = map[reminder.Channel]Period{}
	channels := top.section("channels", texts(reminder.Channels)...)
	for _, c := range reminder.Channels {
		if !channels.has(string(c)) {
			continue
		}
		ch := channels.section(string(c), "max_length", "ceiling", "max_age")
		p.Channels = append(p.Channels, c)
		if ch.has("max_length") {
			p.MaxLength[c] = ch.number("max_length", 1, 100_000)
		}
		p.Ceiling[c] = class(ch.oneOf("ceiling", classes...))
		p.Verification.MaxAge[c] = ch.period("max_age")
	}
	if len(p.Channels) == 0 {
		top.refuse("channels", "at least one of "+strings.Join(texts(reminder.Channels), ", "))
	}

	if top.has("links") {
		for _, c := range top.list("links", texts(p.Channels)...) {
			p.Links = append(p.Links, reminder.Channel(c))
		}
	}

	v := top.section("verification", "min_level", "methods", "register_freshness", "changed_hold", "max_persons")
	if err := p.Verification.MinLevel.UnmarshalText([]byte(v.oneOf("min_level", levelNames...))); err != nil {
		v.refuse("min_level", strings.Join(levelNames, ", "))
	}
	for _, m := range v.list("methods", texts(Methods)...) {
		p.Verification.Methods = append(p.Verification.Methods, Method(m))
		if Method(m).Level() < p.Verification.MinLevel {
			v.refuse("methods", "methods that reach min_level; "+m+" does not")
		}
	}
	if v.has("register_freshness") {
		p.Verification.Freshness = v.period("register_freshness")
	}
	if v.has("changed_hold") {
		p.Verification.Hold = v.period("changed_hold")
	}
	p.MaxPersons = v.number("max_persons", 1, 100)

	limit := top.section("cap", "max", "per")
	p.Cap = Cap{Max: limit.number("max", 1, 1000), Per: limit.duration("per", time.Hour, 31*24*time.Hour)}
	return p, top.err()
}

func class(s string) reminder.Class {
	return map[string]reminder.Class{"0": 0, "1": 1, "1.5": 1.5, "2": 2}[s]
}

func texts[T ~string](ts []T) []string {
	out := make([]string, len(ts))
	for i, t := range ts {
		out[i] = string(t)
	}
	return out
}
