package web

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Shelf keeps small values by name where every process of the installation finds them. A name holds of [a-z0-9.].
type Shelf interface {
	// Read returns a value and its revision; ErrNotFound when there is none.
	Read(ctx context.Context, name string) ([]byte, uint64, error)
	// List returns all values whose names begin with prefix, by what follows it.
	List(ctx context.Context, prefix string) (map[string][]byte, error)
	// Write puts a value in the place of a revision, 0 = of none; ErrRaced when another is there.
	Write(ctx context.Context, name string, value []byte, revision uint64) error
	// Remove takes a value away; ErrRaced when it has another revision.
	Remove(ctx context.Context, name string, revision uint64) error
}

// ErrRaced means that somebody else changed the same thing at the same time.
var ErrRaced = errors.New("web: somebody else has changed it meanwhile")

// errKey is a key that is not let in: unknown, wrong, expired or revoked. Which, the caller is not told.
var errKey = errors.New("web: no such API key")

// APIKey is what is known of an API key. The key itself is not: only a keyed hash of it, over what it may as well, so that a record
// that was changed on the shelf fits no key.
type APIKey struct {
	ID      string    `json:"id"`
	Role    Role      `json:"role"`
	Units   []string  `json:"units,omitempty"` // none = the whole installation
	Holder  string    `json:"holder,omitempty"`
	Made    time.Time `json:"made"`
	By      string    `json:"by"`
	Expires time.Time `json:"expires"`
	Revoked time.Time `json:"revoked,omitzero"`
}

// keyRecord is a key on the shelf.
type keyRecord struct {
	APIKey
	Hash []byte `json:"hash"`
}

// NewAPIKey is what POST /v1/apikeys takes.
type NewAPIKey struct {
	Role    Role      `json:"role"`
	Units   []string  `json:"units,omitempty"`  // of a clerk: at least one
	Holder  string    `json:"holder,omitempty"` // whose it is: a staff id or a system, for the audit
	Expires time.Time `json:"expires"`
}

// MadeAPIKey answers it: the one time that the key is shown.
type MadeAPIKey struct {
	APIKey
	Key string `json:"key"`
}

// keyPrefix lets people and scanners tell a key that was left lying about.
const keyPrefix = "husk"

// keyShelf begins the names of keys on the shelf.
const keyShelf = "apikey."

// keyLetters make up a key's id: letters alone, since the audit takes long numbers for people's.
const keyLetters = "bcdfghjkmnpqrstv"

const keyIDLength = 12

func newKeyID() string {
	b := make([]byte, keyIDLength)
	_, _ = rand.Read(b)
	for i := range b {
		b[i] = keyLetters[b[i]%16]
	}
	return string(b)
}

// longestKey is how long a key may be good for.
const longestKey = 400 * 24 * time.Hour

func (k APIKey) hash(secret, pepper []byte) []byte {
	m := hmac.New(sha256.New, pepper)
	for _, s := range []string{"husk api key 1", k.ID, string(k.Role), strings.Join(k.Units, ","), k.Holder, k.Expires.UTC().Format(time.RFC3339)} {
		_, _ = m.Write(append([]byte(s), 0))
	}
	_, _ = m.Write(secret)
	return m.Sum(nil)
}

type newKeyInput struct{ Body NewAPIKey }

// newKey makes a key and shows it once.
func (a *API) newKey(ctx context.Context, c *caller, in *newKeyInput) (MadeAPIKey, error) {
	q, now := in.Body, a.o.Now()
	if err := a.keyWanted(q, now); err != nil {
		return MadeAPIKey{}, err
	}
	var secret [32]byte
	_, _ = rand.Read(secret[:])
	k := keyRecord{APIKey: APIKey{
		ID: newKeyID(), Role: q.Role, Units: slices.Sorted(slices.Values(q.Units)), Holder: q.Holder, Made: now.UTC().Truncate(time.Second),
		By: c.actor, Expires: q.Expires.UTC().Truncate(time.Second),
	}}
	k.Hash = k.hash(secret[:], a.o.Secret)
	b, err := json.Marshal(k)
	if err != nil {
		return MadeAPIKey{}, fmt.Errorf("web: %w", err)
	}
	if err := a.audit(ctx, c, everybody, "apikey.new "+k.ID, "", "", fmt.Sprintf("%s %s", k.Role, strings.Join(k.Units, " "))); err != nil {
		return MadeAPIKey{}, err
	}
	if err := a.o.Shelf.Write(ctx, keyShelf+k.ID, b, 0); err != nil {
		return MadeAPIKey{}, err
	}
	return MadeAPIKey{k.APIKey, strings.Join([]string{keyPrefix, k.ID, base64.RawURLEncoding.EncodeToString(secret[:])}, "_")}, nil
}

func (a *API) keyWanted(q NewAPIKey, now time.Time) error {
	l, ok := limits[q.Role]
	switch {
	case !ok:
		names := make([]string, len(Roles))
		for i, r := range Roles {
			names[i] = string(r)
		}
		return want("role", "one of "+strings.Join(names, ", "))
	case l.must && len(q.Units) == 0:
		return want("units", "at least one unit: a "+string(q.Role)+"'s key is for some units")
	case !l.may && len(q.Units) > 0:
		return want("units", "none: what this role does is the whole installation's")
	case q.Holder != "" && !IsName(q.Holder):
		return want("holder", "a staff id or the name of a system, in up to 32 characters, no long number and no mail address")
	case !q.Expires.After(now) || q.Expires.After(now.Add(longestKey)):
		return want("expires", "an instant from now to 400 days ahead")
	}
	for _, u := range q.Units {
		if _, ok := a.o.Units.Unit(u); !ok {
			return want("units", "ids of units in the unit directory")
		}
	}
	return nil
}

// listKeys lists all keys, the newest first.
func (a *API) listKeys(ctx context.Context, c *caller, _ *struct{}) ([]APIKey, error) {
	if err := a.audit(ctx, c, everybody, "apikey.list", "", "", ""); err != nil {
		return nil, err
	}
	all, err := a.o.Shelf.List(ctx, keyShelf)
	if err != nil {
		return nil, err
	}
	out := []APIKey{}
	for _, b := range all {
		var k keyRecord
		if err := json.Unmarshal(b, &k); err != nil {
			return nil, errors.New("web: a record of an API key can't be read")
		}
		out = append(out, k.APIKey)
	}
	slices.SortFunc(out, func(x, y APIKey) int { return cmp.Or(y.Made.Compare(x.Made), cmp.Compare(x.ID, y.ID)) })
	return out, nil
}

type keyInput struct {
	ID string `path:"id" pattern:"^[bcdfghjkmnpqrstv]{12}$" patternDescription:"the id of an API key, 12 letters, as its listing has it"`
}

// revokeKey ends a key: from the next request on it is not let in. What is revoked stays revoked and listed.
func (a *API) revokeKey(ctx context.Context, c *caller, in *keyInput) (APIKey, error) {
	k, revision, err := a.readKey(ctx, in.ID)
	if err != nil {
		return APIKey{}, err
	}
	if err := a.audit(ctx, c, everybody, "apikey.revoke "+in.ID, "", "", ""); err != nil {
		return APIKey{}, err
	}
	if !k.Revoked.IsZero() {
		return k.APIKey, nil
	}
	k.Revoked = a.o.Now().UTC().Truncate(time.Second)
	b, err := json.Marshal(k)
	if err != nil {
		return APIKey{}, fmt.Errorf("web: %w", err)
	}
	return k.APIKey, a.o.Shelf.Write(ctx, keyShelf+in.ID, b, revision)
}

func (a *API) readKey(ctx context.Context, id string) (k keyRecord, revision uint64, err error) {
	b, revision, err := a.o.Shelf.Read(ctx, keyShelf+id)
	if err != nil {
		return k, 0, err
	}
	if err := json.Unmarshal(b, &k); err != nil || k.ID != id {
		return keyRecord{}, 0, errors.New("web: the record of an API key can't be read")
	}
	return k, revision, nil
}

// authenticate finds the caller of an Authorization header. The shelf is asked each time, so that what is revoked by one process is
// out at every other one at once. errKey, or what kept the shelf from answering.
func (a *API) authenticate(ctx context.Context, header string) (*caller, error) {
	scheme, token, _ := strings.Cut(header, " ")
	parts := strings.SplitN(strings.TrimSpace(token), "_", 3)
	if !strings.EqualFold(scheme, "Bearer") || len(parts) != 3 || parts[0] != keyPrefix || !isKeyID(parts[1]) {
		return nil, errKey
	}
	secret, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(secret) != 32 {
		return nil, errKey
	}
	k, _, err := a.readKey(ctx, parts[1])
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	// Of an unknown id the same is computed, so that time does not tell which there are.
	right := hmac.Equal(k.hash(secret, a.o.Secret), k.Hash)
	if !right || !k.Revoked.IsZero() || !a.o.Now().Before(k.Expires) {
		return nil, errKey
	}
	self := "key:" + k.ID
	return &caller{actor: strings.TrimSpace(self + " " + k.Holder), self: self, holder: k.Holder, role: k.Role, units: k.Units}, nil
}

func isKeyID(s string) bool { return len(s) == keyIDLength && strings.Trim(s, keyLetters) == "" }
