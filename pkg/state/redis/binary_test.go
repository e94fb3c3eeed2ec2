package redis

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/state"
)

// fill gives everything that v reaches, and that JSON would write, a value that is not zero.
func fill(v reflect.Value, r *rand.Rand) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(time.Unix(r.Int64N(4e9), r.Int64N(1e9)).UTC()))
		return
	}
	if v.Type() == reflect.TypeFor[policy.Level]() {
		v.SetInt(1 + r.Int64N(3))
		return
	}
	switch v.Kind() {
	case reflect.String:
		b := make([]byte, 1+r.IntN(40))
		for i := range b {
			b[i] = byte('a' + r.IntN(26))
		}
		v.SetString(string(b))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1 + r.Int64N(1<<40)*(1-2*r.Int64N(2)))
	case reflect.Uint8:
		v.SetUint(uint64(r.IntN(256)))
	case reflect.Uint64:
		v.SetUint(1 + r.Uint64())
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), r)
	case reflect.Slice:
		n := 1 + r.IntN(3)
		if v.Type().Elem().Kind() == reflect.Uint8 {
			n += r.IntN(700)
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(v.Index(i), r)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 1 + r.IntN(3) {
			k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(k, r)
			fill(e, r)
			v.SetMapIndex(k, e)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Tag.Get("json") != "-" {
				fill(v.Field(i), r)
			}
		}
	default:
		panic(v.Type())
	}
}

func TestRecords(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		var p, q state.Person
		fill(reflect.ValueOf(&p).Elem(), r)
		text := string(encodeHead(&p))
		if err := decodeHead(text, &q); err != nil {
			t.Fatal(err)
		}
		if q.Appointments != nil || q.Reminders != nil {
			t.Fatal("a head with appointments")
		}
		rest := string(encodeRest(&p))
		if err := decodeRest(rest, &q); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(p, q) {
			a, _ := json.Marshal(p)
			b, _ := json.Marshal(q)
			t.Fatalf("read\n%s\nwant\n%s", b, a)
		}
		if string(encodeRest(&q)) != rest || string(encodeHead(&q)) != text {
			t.Fatal("one record has two forms")
		}
		b, err := json.Marshal(p)
		if err != nil || len(text)+len(rest) > len(b) {
			t.Errorf("%d and %d bytes, JSON has %d (%v)", len(text), len(rest), len(b), err)
		}
	}
	var p state.Person
	if err := decodeHead(string(encodeHead(&p)), &p); err != nil || !reflect.DeepEqual(p, state.Person{}) {
		t.Errorf("nobody: %+v, %v", p, err)
	}
}

// TestRecordsOfOtherReleases: fields come and go.
func TestRecordsOfOtherReleases(t *testing.T) {
	type later struct {
		A string            `json:"a"`
		B []map[string]bool `json:"b"`
		C int               `json:"c"`
	}
	type earlier struct {
		C int    `json:"c"`
		D string `json:"d"`
	}
	var e earlier
	if err := readRecord(string(appendRecord(nil, &later{"x", []map[string]bool{{"y": true}}, -7})), &e); err != nil || e != (earlier{C: -7}) {
		t.Errorf("%+v, %v", e, err)
	}
	for _, text := range []string{"", "\x02", `{"c":7}`, "\x01", "\x01\x09", "\x01\x01ab", "\x01\x01ab\x05x"} {
		if readRecord(text, &e) == nil {
			t.Errorf("%q is read", text)
		}
	}
}

func FuzzRecords(f *testing.F) {
	var p state.Person
	fill(reflect.ValueOf(&p).Elem(), rand.New(rand.NewPCG(2, 2)))
	f.Add(string(encodeHead(&p)), string(encodeRest(&p)))
	f.Fuzz(func(_ *testing.T, head, rest string) {
		var q state.Person
		if decodeHead(head, &q) == nil && decodeRest(rest, &q) == nil {
			_ = encodeHead(&q)
			_ = encodeRest(&q)
		}
	})
}
