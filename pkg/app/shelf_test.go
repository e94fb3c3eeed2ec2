package app

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/husk-reminders/husk/pkg/web"
)

func TestShelf(t *testing.T) {
	a := newWorld(t).App
	ctx := context.Background()
	s, err := openShelf(ctx, a.js, 1) // as another process does
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Read(ctx, "apikey.x"); !errors.Is(err, web.ErrNotFound) {
		t.Errorf("nothing: %v", err)
	}
	if all, err := s.List(ctx, "apikey."); err != nil || len(all) != 0 {
		t.Errorf("nothing: %v %v", all, err)
	}
	if err := s.Write(ctx, "apikey.x", []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	if err := a.shelf.Write(ctx, "apikey.x", []byte("2"), 0); !errors.Is(err, web.ErrRaced) {
		t.Errorf("made twice: %v", err)
	}
	_, revision, err := a.shelf.Read(ctx, "apikey.x")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.shelf.Write(ctx, "apikey.x", []byte("3"), revision); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(ctx, "apikey.x", []byte("4"), revision); !errors.Is(err, web.ErrRaced) {
		t.Errorf("over an old revision: %v", err)
	}
	if err := s.Remove(ctx, "apikey.x", revision); !errors.Is(err, web.ErrRaced) {
		t.Errorf("an old revision removed: %v", err)
	}
	if err := s.Write(ctx, "resume.y", []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
	all, err := s.List(ctx, "apikey.")
	if err != nil || !slices.Equal(slices.Collect(maps.Keys(all)), []string{"x"}) || string(all["x"]) != "3" {
		t.Errorf("%q %v", all, err)
	}
	_, revision, err = s.Read(ctx, "apikey.x")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(ctx, "apikey.x", revision); err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.shelf.Read(ctx, "apikey.x"); !errors.Is(err, web.ErrNotFound) {
		t.Errorf("removed: %v", err)
	}
	if all, err := a.shelf.List(ctx, "apikey."); err != nil || len(all) != 0 {
		t.Errorf("removed: %v %v", all, err)
	}
	if err := s.Write(ctx, "apikey.x", []byte("6"), 0); err != nil {
		t.Errorf("made anew: %v", err)
	}
}
