package config

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

const (
	envPrefix = "HUSK_"
	// envFile names the file, as --config does.
	envFile = envPrefix + "CONFIG"
)

// RegisterFlags adds --config and the flags of the keys that people change most. Load takes any further flag that is
// named after a key, dots and underscores as hyphens.
func RegisterFlags(flags *pflag.FlagSet) {
	flags.String("config", "", "configuration file (default: husk/husk.yaml in the user's configuration directory, else /etc/husk/husk.yaml)")
	flags.String(flagName("data"), "", "data directory (default: husk in the user's data directory)")
	flags.String(flagName("mode"), string(Default().Mode), "demo, trial or production")
	flags.String(flagName("http.listen"), Default().HTTP.Listen, "address for metrics and health; empty for none")
	flags.String(flagName("log.level"), Default().Log.Level, "debug, info, warn or error")
	flags.String(flagName("log.format"), Default().Log.Format, "json or console")
}

// Load reads the configuration: defaults, then the file, then HUSK_… environment variables (an empty one counts as not
// set), then those flags that were given. flags may be nil, and flags not named after a key are left alone. The result is
// valid and its paths are absolute. An error names every key that is wrong; errors.Is(err, ErrInvalid) tells it from
// a file that can't be read.
func Load(flags *pflag.FlagSet) (Config, error) {
	if flags == nil {
		flags = pflag.NewFlagSet("", pflag.ContinueOnError)
	}
	named := os.Getenv(envFile)
	if f := flags.Lookup("config"); f != nil && f.Changed {
		named = f.Value.String()
	}
	path, err := findFile(named)
	if err != nil {
		return Config{}, err
	}
	c := Default()
	l := &loader{v: viper.New(), flags: flags, settings: map[string]Settings{}}
	if path != "" {
		if l.file, err = readFile(path, &c); err != nil {
			return Config{}, err
		}
	}
	l.leaves = c.leaves()
	if err := l.layer(); err != nil {
		return Config{}, err
	}
	l.fill()
	if err := joined(l.problems); err != nil {
		return Config{}, err
	}
	for _, p := range c.problems() {
		p.Where = l.where(p.Key)
		l.problems = append(l.problems, p)
	}
	if err := joined(l.problems); err != nil {
		return Config{}, err
	}
	c.File = path
	return c.withPaths()
}

// loader stacks the layers and remembers which of them had the last word on each key.
type loader struct {
	v        *viper.Viper
	flags    *pflag.FlagSet
	file     *file // nil if there is none
	leaves   []leaf
	settings map[string]Settings // from the environment, by key
	problems []*KeyError
}

// layer hands every layer to viper and collects the unknown keys.
func (l *loader) layer() error {
	for _, leaf := range l.leaves {
		if leaf.isSettings() {
			continue // no default, no flag; a variable for each of them
		}
		l.v.SetDefault(leaf.key, leaf.field.Interface())
		if err := l.v.BindEnv(leaf.key, envName(leaf.key)); err != nil {
			return err
		}
		if f := l.flags.Lookup(flagName(leaf.key)); f != nil {
			if err := l.v.BindPFlag(leaf.key, f); err != nil {
				return err
			}
		}
	}
	l.environment()
	if l.file == nil {
		return nil
	}
	l.problems = append(l.problems, l.file.problems...)
	return l.v.MergeConfigMap(l.file.nested())
}

// environment refuses variables that belong to no key and takes those that are a carrier's settings.
func (l *loader) environment() {
	known := map[string]bool{envFile: true}
	for _, leaf := range l.leaves {
		if !leaf.isSettings() {
			known[envName(leaf.key)] = true
		}
	}
	environ := os.Environ()
	slices.Sort(environ)
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || known[name] || serviceLink.MatchString(entry) {
			continue
		}
		if key, setting := l.setting(name); key != "" {
			if value != "" {
				if l.settings[key] == nil {
					l.settings[key] = Settings{}
				}
				l.settings[key][setting] = value
			}
			continue
		}
		want := "a variable named after a key: " + envPrefix + "<SECTION>_<KEY>, as in " + envName("send.batch")
		if near := nearest(name, sortedKeys(known)); near != "" {
			want = "a known variable; did you mean " + near + "?"
		}
		l.problems = append(l.problems, &KeyError{Key: name, Where: "environment", Want: want})
	}
}

// setting says which carrier's setting an environment variable is; empty if none's.
func (l *loader) setting(name string) (key, setting string) {
	for _, leaf := range l.leaves {
		if rest, ok := strings.CutPrefix(name, envName(leaf.key)+"_"); ok && leaf.isSettings() && rest != "" {
			return leaf.key, strings.ToLower(rest)
		}
	}
	return "", ""
}

// serviceLink matches what Kubernetes puts into every container of a namespace that has a service named husk. Nobody
// wrote it as configuration, so it is not refused.
// https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
var serviceLink = regexp.MustCompile(`^HUSK_(SERVICE_HOST=|SERVICE_PORT(_[A-Z0-9_]+)?=|PORT=[a-z]+://|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?=)`)

// fill puts the value that won into each leaf.
func (l *loader) fill() {
	for _, leaf := range l.leaves {
		raw := l.v.Get(leaf.key)
		if env := l.settings[leaf.key]; env != nil {
			all := map[string]any{}
			if fromFile, ok := raw.(map[string]any); ok {
				maps.Copy(all, fromFile)
			}
			maps.Copy(all, env)
			raw = all
		}
		if raw == nil {
			continue // settings that nobody gave
		}
		if want := leaf.set(raw); want != "" {
			p := &KeyError{Key: leaf.key, Where: l.where(leaf.key), Want: want}
			if text, ok := scalar(raw); ok && !leaf.secret {
				p.Value = text
			}
			l.problems = append(l.problems, p)
		}
	}
}

// where says which layer set a key.
func (l *loader) where(key string) string {
	if f := l.flags.Lookup(flagName(key)); f != nil && f.Changed {
		return "--" + f.Name
	}
	if os.Getenv(envName(key)) != "" {
		return envName(key)
	}
	if l.file != nil && l.file.lines[key] > 0 {
		return l.file.at(l.file.lines[key])
	}
	return "default"
}
