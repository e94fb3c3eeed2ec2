package command

import (
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/config"
)

func TestDoctorOnGateways(t *testing.T) {
	d := &doctor{cfg: config.Config{Carriers: config.Carriers{"sms": {Type: "kannel"}, "second": {Type: "smpp"}, "email": {Type: config.Outbox}}}}
	d.gateways()
	if len(d.findings) != 1 || d.findings[0].Level != warning || !strings.Contains(d.findings[0].Text, "carrier sms") || !strings.Contains(d.findings[0].Do, "access-log") {
		t.Errorf("%+v", d.findings)
	}
}
