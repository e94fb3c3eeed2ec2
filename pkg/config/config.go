package config

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Mode says how much is at stake.
type Mode string

const (
	// ModeDemo is the scripted show: invented people, time that runs fast, the outbox as carrier.
	ModeDemo Mode = "demo"
	// ModeTrial is a real installation whose messages may still go to the outbox.
	ModeTrial Mode = "trial"
	// ModeProduction refuses whatever is fit for a demo or trial alone.
	ModeProduction Mode = "production"
)

// Config is the whole configuration of one installation. A field's key tag is its name in the file; the section before
// it and a dot make the key (send.batch), and HUSK_SEND_BATCH and --send-batch are made from the key.
type Config struct {
	Mode Mode `key:"mode"`
	// Data is the directory that one process owns: journal, snapshots, outbox, lock and admin socket.
	Data        string      `key:"data"`
	Keys        Keys        `key:"keys"`
	Broker      Broker      `key:"broker"`
	NATS        NATS        `key:"nats"`
	Redis       Redis       `key:"redis"`
	Controller  Controller  `key:"controller"`
	Units       Units       `key:"units"`
	Policy      Directory   `key:"policy"`
	Templates   Templates   `key:"templates"`
	HTTP        HTTP        `key:"http"`
	API         API         `key:"api"`
	Pages       Pages       `key:"pages"`
	Unsubscribe Unsubscribe `key:"unsubscribe"`
	Callbacks   Callbacks   `key:"callbacks"`
	Admin       Admin       `key:"admin"`
	Plan        Plan        `key:"plan"`
	Send        Send        `key:"send"`
	Carriers    Carriers    `key:"carriers"`
	Routes      Routes      `key:"routes"`
	Verify      Verify      `key:"verify"`
	Notices     Notices     `key:"notices"`
	State       State       `key:"state"`
	Retention   Retention   `key:"retention"`
	Sweeps      Sweeps      `key:"sweeps"`
	Log         Log         `key:"log"`

	// File is the file that was read; empty if there was none. It is not itself a key.
	File string
}

// Keys says where the installation's keyset lives: outside the journal and outside the journal's backups.
type Keys struct {
	File string `key:"file"`
}

// Broker is the embedded NATS server.
type Broker struct {
	Sync           bool   `key:"sync"`             // each write is on disk before it is acknowledged
	EventsMaxBytes int64  `key:"events_max_bytes"` // room for booking events not yet taken in; full = new ones are refused
	Listen         string `key:"listen"`           // host:port on the loopback interface; empty = no port
	User           string `key:"user"`             // what booking systems log in as when Listen is set
	PasswordFile   string `key:"password_file"`
}

// NATS is a broker outside the process, in place of the embedded one. With it several processes share the work, and the
// state is in Redis.
type NATS struct {
	URL      Secret `key:"url" secret:"true"` // nats:// or tls://, several with commas; empty = the embedded broker
	Creds    string `key:"creds"`             // credentials file of a NATS user
	TLS      TLS    `key:"tls"`
	Replicas int    `key:"replicas"` // of every stream
}

// Redis is where the state is when the broker is outside the process.
type Redis struct {
	URL     Secret `key:"url" secret:"true"` // redis:// or rediss://; further nodes as ?addr=host:port
	Master  string `key:"master"`            // Sentinel's name of the master; then url names sentinels
	Cluster bool   `key:"cluster"`           // url names nodes of a Cluster
	Prefix  string `key:"prefix"`            // begins every key
	TLS     TLS    `key:"tls"`
}

// TLS are the files of a connection: whom to trust beside the system's authorities, and a certificate to show.
type TLS struct {
	CA   string `key:"ca"`
	Cert string `key:"cert"`
	Key  string `key:"key"`
}

// Shared reports whether broker and state are outside the process, where several processes share them.
func (c Config) Shared() bool { return c.NATS.URL != "" }

// Units names the unit directory; an empty File means the shipped example.
type Units struct {
	File string `key:"file"`
}

// Directory names a directory that replaces a shipped one; an empty Dir means the shipped one.
type Directory struct {
	Dir string `key:"dir"`
}

// HTTP is the listener for metrics and health; an empty Listen means none.
type HTTP struct {
	Listen string `key:"listen"`
}

// API is the listener of the staff API; an empty Listen means none. Without Cert it is HTTP, on the loopback interface alone.
type API struct {
	Listen      string `key:"listen"`
	Cert        string `key:"cert"`
	Key         string `key:"key"`
	ClientCA    string `key:"client_ca"`    // whose certificates callers must show; empty = none are asked for
	AddressRate int    `key:"address_rate"` // requests a second from one address, before its key is looked at
	KeyRate     int    `key:"key_rate"`     // requests a second with one key
	UnmaskRate  int    `key:"unmask_rate"`  // addresses that one caller may be shown in full within an hour, by whatever way they come
}

// Admin is the socket that the other commands of the program use.
type Admin struct {
	Socket string `key:"socket"`
}

// Plan bounds how far ahead appointments are planned; what is further away is remembered.
type Plan struct {
	Horizon time.Duration `key:"horizon"`
}

// Send is the pace of the workers.
type Send struct {
	Batch         int           `key:"batch"`          // reminders taken at once
	WriteDeadline time.Duration `key:"write_deadline"` // how long a hand-over may last once it has begun
	Lease         time.Duration `key:"lease"`          // how long a worker may hold a reminder
	Zone          string        `key:"zone"`           // whose midnight begins the day of the carriers' caps
	TestSMS       string        `key:"test_sms"`       // the one number that husk send test writes to; empty = none
	TestEmail     string        `key:"test_email"`     // the one mail address
}

// State is the fold's snapshots.
type State struct {
	SnapshotEvery int64 `key:"snapshot_every"` // entries
}

// Retention is how long each kind of record is kept.
type Retention struct {
	Decisions time.Duration `key:"decisions"`
	Dead      time.Duration `key:"dead"`
	Audit     time.Duration `key:"audit"`
}

// Templates says where the texts are, and how a version is tried that was just approved.
type Templates struct {
	Dir    string `key:"dir"`
	Canary Canary `key:"canary"`
}

// Canary is the share of the messages that a newly approved version of a text goes to at first.
type Canary struct {
	Share    int           `key:"share"`    // percent; 0 = a version is for all at once
	Messages int           `key:"messages"` // after so many it is for all, if it is not worse
	WorseBy  int           `key:"worse_by"` // percentage points
	For      time.Duration `key:"for"`      // it ends by then
}

// Sweeps are the cron specifications (five fields, or @every with a duration) of the repeated work.
type Sweeps struct {
	Expired      string `key:"expired"`
	OpenAttempts string `key:"open_attempts"`
	Doubts       string `key:"doubts"`
	Reports      string `key:"reports"`
	Unreported   string `key:"unreported"`
	Previews     string `key:"previews"`
	Remembered   string `key:"remembered"`
	Verify       string `key:"verify"`
	Notices      string `key:"notices"`
	Canaries     string `key:"canaries"`
	Retention    string `key:"retention"`
}

// Log is how the program logs to standard error.
type Log struct {
	Level  string `key:"level"`
	Format string `key:"format"`
}

const day = 24 * time.Hour

// Default returns the configuration of a program that nobody configured. Derived paths (Data, Keys.File, Admin.Socket)
// are still empty; Resolved fills them in.
func Default() Config {
	return Config{
		Mode:        ModeTrial,
		Broker:      Broker{Sync: true, EventsMaxBytes: 1 << 30},
		NATS:        NATS{Replicas: 1},
		Redis:       Redis{Prefix: "husk"},
		Templates:   Templates{Canary: Canary{Messages: 200, WorseBy: 2, For: 2 * day}},
		HTTP:        HTTP{Listen: "127.0.0.1:8484"},
		API:         API{AddressRate: 100, KeyRate: 50, UnmaskRate: 30},
		Pages:       Pages{Rate: 100, SignIn: SignIn{Scopes: List{"openid", "profile"}, MaxAge: 12 * time.Hour, GroupsClaim: "groups", NameClaim: "preferred_username"}},
		Unsubscribe: Unsubscribe{Rate: 20},
		Callbacks:   Callbacks{Rate: 200, ReportWithin: 2 * day, ReportWithinOf: List{"outbox=0s", "smtp=0s"}},
		Plan:        Plan{Horizon: 180 * day},
		Send:        Send{Batch: 256, WriteDeadline: time.Second, Lease: time.Minute, Zone: "UTC"},
		Carriers:    Carriers{smsCarrier: {Type: Outbox}, emailCarrier: {Type: Outbox}},
		Routes:      defaultRoutes(),
		Verify:      Verify{KRR: KRR{Environment: NoRegister}, NemSMS: NemSMS{Environment: NoRegister}, Timeout: 10 * time.Second},
		Notices:     Notices{After: day},
		State:       State{SnapshotEvery: 1_000_000},
		Retention:   Retention{Decisions: 400 * day, Dead: 30 * day, Audit: 1825 * day},
		Sweeps: Sweeps{
			Expired:      "@every 1m",
			OpenAttempts: "@every 10s",
			Doubts:       "@every 1m",
			Reports:      "@every 2s",
			Unreported:   "25 * * * *",
			Previews:     "@every 1m",
			Remembered:   "45 2 * * *",
			Verify:       "15 4 * * *",
			Notices:      "*/15 7-16 * * 1-5",
			Canaries:     "@every 1m",
			Retention:    "30 3 * * *",
		},
		Log: Log{Level: "info", Format: "json"},
	}
}

// Resolved returns c with its derived paths filled in and every path absolute, after Validate. An error is one
// KeyError, or several joined.
func (c Config) Resolved() (Config, error) {
	if err := c.Validate(); err != nil {
		return Config{}, err
	}
	return c.withPaths()
}

// withPaths fills in the derived paths; c is valid.
func (c Config) withPaths() (Config, error) {
	if c.Data == "" {
		dir, err := userDataDir()
		if err != nil {
			return Config{}, &KeyError{Key: "data", Want: "a directory: the user has no home directory to put it in"}
		}
		c.Data = dir
	}
	if c.Keys.File == "" {
		c.Keys.File = filepath.Join(c.Data, "keys", "keyset.json")
	}
	if c.Admin.Socket == "" {
		c.Admin.Socket = filepath.Join(c.Data, "admin.sock")
	}
	paths := c.Verify.paths()
	maps.Copy(paths, map[string]*string{
		"data": &c.Data, "keys.file": &c.Keys.File, "broker.password_file": &c.Broker.PasswordFile, "units.file": &c.Units.File,
		"nats.creds": &c.NATS.Creds, "nats.tls.ca": &c.NATS.TLS.CA, "nats.tls.cert": &c.NATS.TLS.Cert, "nats.tls.key": &c.NATS.TLS.Key,
		"redis.tls.ca": &c.Redis.TLS.CA, "redis.tls.cert": &c.Redis.TLS.Cert, "redis.tls.key": &c.Redis.TLS.Key,
		"api.cert": &c.API.Cert, "api.key": &c.API.Key, "api.client_ca": &c.API.ClientCA,
		"pages.cert": &c.Pages.Cert, "pages.key": &c.Pages.Key,
		"pages.sign_in.client_secret_file": &c.Pages.SignIn.ClientSecretFile, "pages.sign_in.client_key_file": &c.Pages.SignIn.ClientKeyFile,
		"unsubscribe.cert": &c.Unsubscribe.Cert, "unsubscribe.key": &c.Unsubscribe.Key,
		"callbacks.cert": &c.Callbacks.Cert, "callbacks.key": &c.Callbacks.Key, "callbacks.client_ca": &c.Callbacks.ClientCA, "callbacks.secret_file": &c.Callbacks.SecretFile,
		"policy.dir": &c.Policy.Dir, "templates.dir": &c.Templates.Dir, "admin.socket": &c.Admin.Socket,
	})
	for key, path := range paths {
		full, err := absolute(*path)
		if err != nil {
			return Config{}, &KeyError{Key: key, Value: *path, Want: "an absolute path: " + err.Error()}
		}
		*path = full
	}
	if len(c.Admin.Socket) > maxSocketPath {
		return Config{}, &KeyError{Key: "admin.socket", Value: c.Admin.Socket,
			Want: fmt.Sprintf("a path of at most %d bytes, the system's limit for a socket; it may lie outside data", maxSocketPath)}
	}
	return c, nil
}

// maxSocketPath is the shortest limit of the systems Husk runs on: 104 bytes with the closing zero on macOS (sun_path
// in sys/un.h), 108 on Linux.
const maxSocketPath = 103

// userDataDir is the user's data directory of the XDG base directory specification, which ignores a relative one.
func userDataDir() (string, error) {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "husk"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "share", "husk"), nil
}

// absolute makes a path absolute from the working directory; ~/ is the home directory, and an empty path stays empty.
func absolute(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		path = filepath.Join(home, rest)
	}
	return filepath.Abs(path)
}
