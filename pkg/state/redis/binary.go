package redis

import (
	"encoding"
	"encoding/binary"
	"hash/fnv"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// Records are stored in a binary form of what encoding/json would write: a third smaller, because sealed bytes stay bytes, and
// read ten times faster. Like there, a field goes by its JSON name (here a hash of it), zero fields are left out, fields
// that the reader doesn't know are passed over, "-" is not stored, and what has a text of its own is stored as that. Times
// are stored to the nanosecond, in UTC.
//
//	struct  number of fields, then for each: 2 bytes of name, value
//	slice   number of elements, then each value
//	map     number of entries, then for each: key, value; keys are strings, in order
//	value   length, then what the kind says: bytes of a string, varint, uvarint, 1, seconds and nanoseconds, or as above
//
// Numbers and lengths are uvarints, of ints zig-zag ones.

// form writes and reads the values of one type, without their length. The strings that are read are parts of what is read
// from.
type form struct {
	write func(b []byte, v reflect.Value) []byte
	read  func(b string, v reflect.Value) error
}

var forms sync.Map // reflect.Type → form

func formOf(t reflect.Type) form {
	if f, ok := forms.Load(t); ok {
		return f.(form) //nolint:forcetypeassert // nothing else is put there
	}
	f := newForm(t)
	forms.Store(t, f)
	return f
}

func newForm(t reflect.Type) form {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return timeForm
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) && reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return textForm
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return bytesForm
	}
	switch t.Kind() {
	case reflect.String:
		return stringForm
	case reflect.Bool:
		return boolForm
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return intForm
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return uintForm
	case reflect.Pointer:
		return pointerForm(t)
	case reflect.Slice:
		return sliceForm(t)
	case reflect.Map:
		return mapForm(t)
	case reflect.Struct:
		return structForm(t)
	}
	panic("redis: " + t.String() + " can't be stored") // a type of our own, found by any test
}

var (
	stringForm = form{
		func(b []byte, v reflect.Value) []byte { return append(b, v.String()...) },
		func(b string, v reflect.Value) error { v.SetString(b); return nil },
	}
	bytesForm = form{
		func(b []byte, v reflect.Value) []byte { return append(b, v.Bytes()...) },
		func(b string, v reflect.Value) error { v.SetBytes([]byte(b)); return nil },
	}
	textForm = form{
		func(b []byte, v reflect.Value) []byte {
			text, err := v.Interface().(encoding.TextMarshaler).MarshalText() //nolint:forcetypeassert // chosen by it
			if err != nil {
				return b // of no value there is; it is read as such
			}
			return append(b, text...)
		},
		func(b string, v reflect.Value) error {
			if v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(b)) != nil { //nolint:forcetypeassert // chosen by it
				return ErrFormat
			}
			return nil
		},
	}
	boolForm = form{
		func(b []byte, v reflect.Value) []byte {
			if v.Bool() {
				return append(b, 1)
			}
			return b
		},
		func(b string, v reflect.Value) error { v.SetBool(len(b) > 0); return nil },
	}
	intForm = form{
		func(b []byte, v reflect.Value) []byte { return binary.AppendVarint(b, v.Int()) },
		func(b string, v reflect.Value) error {
			n, k := varint(b)
			if k <= 0 || v.OverflowInt(n) {
				return ErrFormat
			}
			v.SetInt(n)
			return nil
		},
	}
	uintForm = form{
		func(b []byte, v reflect.Value) []byte { return binary.AppendUvarint(b, v.Uint()) },
		func(b string, v reflect.Value) error {
			n, k := uvarint(b)
			if k <= 0 || v.OverflowUint(n) {
				return ErrFormat
			}
			v.SetUint(n)
			return nil
		},
	}
	timeForm = form{
		func(b []byte, v reflect.Value) []byte {
			t := v.Interface().(time.Time) //nolint:forcetypeassert // chosen by its type
			return binary.AppendUvarint(binary.AppendVarint(b, t.Unix()), uint64(t.Nanosecond()))
		},
		func(b string, v reflect.Value) error {
			sec, k := varint(b)
			if k <= 0 {
				return ErrFormat
			}
			nsec, k := uvarint(b[k:])
			if k <= 0 || nsec > 999_999_999 {
				return ErrFormat
			}
			v.Set(reflect.ValueOf(time.Unix(sec, int64(nsec)).UTC()))
			return nil
		},
	}
)

func pointerForm(t reflect.Type) form {
	elem := sync.OnceValue(func() form { return formOf(t.Elem()) })
	return form{
		func(b []byte, v reflect.Value) []byte { return elem().write(b, v.Elem()) },
		func(b string, v reflect.Value) error {
			v.Set(reflect.New(t.Elem()))
			return elem().read(b, v.Elem())
		},
	}
}

func sliceForm(t reflect.Type) form {
	elem := sync.OnceValue(func() form { return formOf(t.Elem()) })
	return form{
		func(b []byte, v reflect.Value) []byte {
			b = binary.AppendUvarint(b, uint64(v.Len()))
			for i := range v.Len() {
				b = appendValue(b, elem(), v.Index(i))
			}
			return b
		},
		func(b string, v reflect.Value) error {
			n, b, err := count(b)
			if err != nil {
				return err
			}
			v.Set(reflect.MakeSlice(t, n, n))
			for i := range n {
				var x string
				if x, b, err = value(b); err != nil {
					return err
				}
				if err := elem().read(x, v.Index(i)); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func mapForm(t reflect.Type) form {
	elem := sync.OnceValue(func() form { return formOf(t.Elem()) })
	return form{
		func(b []byte, v reflect.Value) []byte {
			keys := v.MapKeys()
			slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
			b = binary.AppendUvarint(b, uint64(len(keys)))
			for _, k := range keys {
				b = appendValue(b, stringForm, k)
				b = appendValue(b, elem(), v.MapIndex(k))
			}
			return b
		},
		func(b string, v reflect.Value) error {
			n, b, err := count(b)
			if err != nil {
				return err
			}
			v.Set(reflect.MakeMapWithSize(t, n))
			for range n {
				var k, x string
				if k, b, err = value(b); err != nil {
					return err
				}
				if x, b, err = value(b); err != nil {
					return err
				}
				key, e := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
				key.SetString(k)
				if err := elem().read(x, e); err != nil {
					return err
				}
				v.SetMapIndex(key, e)
			}
			return nil
		},
	}
}

type field struct {
	at   int
	name uint16
	form func() form
}

func structForm(t reflect.Type) form {
	var fields []field
	byName := map[uint16]int{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		h := fnv.New32a()
		_, _ = h.Write([]byte(name))
		short := uint16(h.Sum32() ^ h.Sum32()>>16)
		if _, twice := byName[short]; twice {
			panic("redis: two fields of " + t.String() + " have one short name") // found by any test
		}
		byName[short] = len(fields)
		fields = append(fields, field{i, short, sync.OnceValue(func() form { return formOf(f.Type) })})
	}
	return form{
		func(b []byte, v reflect.Value) []byte {
			n := 0
			for _, f := range fields {
				if !empty(v.Field(f.at)) {
					n++
				}
			}
			b = binary.AppendUvarint(b, uint64(n))
			for _, f := range fields {
				if x := v.Field(f.at); !empty(x) {
					b = appendValue(binary.LittleEndian.AppendUint16(b, f.name), f.form(), x)
				}
			}
			return b
		},
		func(b string, v reflect.Value) error {
			n, b, err := count(b)
			if err != nil {
				return err
			}
			for range n {
				if len(b) < 2 {
					return ErrFormat
				}
				at, known := byName[uint16(b[0])|uint16(b[1])<<8]
				var x string
				if x, b, err = value(b[2:]); err != nil {
					return err
				}
				if !known {
					continue // of a later release
				}
				if err := fields[at].form().read(x, v.Field(fields[at].at)); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// empty reports whether a field is left out.
func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	default:
		return v.IsZero()
	}
}

// appendValue appends a value behind its length.
func appendValue(b []byte, f form, v reflect.Value) []byte {
	at := len(b)
	b = f.write(append(b, 0), v) // one byte does for most
	n := len(b) - at - 1
	if n < 0x80 {
		b[at] = byte(n)
		return b
	}
	var size [binary.MaxVarintLen64]byte
	k := binary.PutUvarint(size[:], uint64(n))
	b = append(b, size[:k-1]...)
	copy(b[at+k:], b[at+1:at+1+n])
	copy(b[at:], size[:k])
	return b
}

// value takes a value off b.
func value(b string) (v, left string, err error) {
	n, k := uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return "", "", ErrFormat
	}
	return b[k : k+int(n)], b[k+int(n):], nil
}

// count takes a number of elements off b. Each needs a byte.
func count(b string) (n int, left string, err error) {
	c, k := uvarint(b)
	if k <= 0 || c > uint64(len(b)-k) {
		return 0, "", ErrFormat
	}
	return int(c), b[k:], nil
}

// uvarint is binary.Uvarint of a string.
func uvarint(s string) (n uint64, size int) {
	if len(s) > 0 && s[0] < 0x80 { // as most are
		return uint64(s[0]), 1
	}
	var b [binary.MaxVarintLen64]byte
	return binary.Uvarint(b[:copy(b[:], s)])
}

// varint is binary.Varint of a string.
func varint(s string) (n int64, size int) {
	u, size := uvarint(s)
	return int64(u>>1) ^ -int64(u&1), size // zig-zag
}

// binaryVersion begins every record.
const binaryVersion = 1

// appendRecord appends what p points to.
func appendRecord(b []byte, p any) []byte {
	v := reflect.ValueOf(p).Elem()
	return formOf(v.Type()).write(append(b, binaryVersion), v)
}

// readRecord reads into what p points to.
func readRecord(text string, p any) error {
	if text == "" || text[0] != binaryVersion {
		return ErrFormat
	}
	v := reflect.ValueOf(p).Elem()
	return formOf(v.Type()).read(text[1:], v)
}
