package command

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/web"
)

// codeIn is the code in the only message of the outbox.
func (p *place) codeIn() string {
	p.t.Helper()
	files, err := filepath.Glob(filepath.Join(p.dir, "outbox", "messages", "*.txt"))
	if err != nil || len(files) != 1 {
		p.t.Fatalf("%d messages in the outbox, want one: %v", len(files), err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		p.t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(b), "\n\n")
	return regexp.MustCompile(`\b[0-9]{6}\b`).FindString(text)
}

func TestSendAndCheckACode(t *testing.T) {
	both(t, book(20), func(t *testing.T, p *place, serving bool) {
		send := []string{"person", "address", "code", "send", "--unit", "rh-ortho", "--reason", "rang us"}
		if !serving {
			_, errs, code := p.husk(person+number, send...)
			if code != 1 || !strings.Contains(errs, "start it with husk serve") {
				t.Errorf("nobody sends: %d %s", code, errs)
			}
			return
		}
		var sent web.CodeSent
		p.read(&sent, person+number, send...)
		if sent.Person == "" || sent.Hash == "" || !sent.Sure {
			t.Fatalf("%+v", sent)
		}
		right := p.codeIn()
		wrong := "000000"
		if right == wrong {
			wrong = "000001"
		}
		check := []string{"person", "address", "code", "check", "--person", string(sent.Person)}
		if out, errs, code := p.husk(number+wrong+"\n", check...); code != 1 || !strings.Contains(out, "wrong: 4 tries left") || !strings.Contains(errs, "not proven") {
			t.Errorf("a wrong code: %d %s%s", code, out, errs)
		}
		if _, errs, code := p.husk(number+"12345\n", check...); code != 1 || !strings.Contains(errs, "six digits") {
			t.Errorf("five digits: %d %s", code, errs)
		}
		if _, errs, code := p.husk(person+number, send...); code != 1 || !strings.Contains(errs, "wait") {
			t.Errorf("a second code at once: %d %s", code, errs)
		}
		out := p.must(right[:3]+" "+right[3:]+"\n", append(check, "--hash", string(sent.Hash))...)
		if !strings.Contains(out, "right: the number is proven") {
			t.Error(out)
		}
		var x web.Person
		p.read(&x, "", "person", "show", "--person", string(sent.Person), "--reason", "test")
		if len(x.Addresses) != 1 || !x.Addresses[0].Usable || x.Addresses[0].Hash != sent.Hash || x.Addresses[0].Proofs[0].Method != "code" || x.Addresses[0].Proofs[0].By != osUser() {
			t.Errorf("%+v", x.Addresses)
		}
		if out, _, code := p.husk(right+"\n", append(check, "--hash", string(sent.Hash))...); code != 1 || !strings.Contains(out, "no code is open") {
			t.Errorf("told twice: %d %s", code, out)
		}
		for _, secret := range []string{right, "20123456", "20 12 34 56", "0101701234", "010170-1234"} {
			if strings.Contains(p.all.String(), secret) {
				t.Errorf("%q was printed", secret)
			}
		}
	})
}
