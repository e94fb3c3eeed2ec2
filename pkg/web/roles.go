package web

import "slices"

// Role is what an API key is for.
type Role string

// The roles. None of them both asks for a change of what is sent and approves it: who may stop and ask to resume may not confirm.
const (
	Clerk         Role = "clerk"         // patients and reminders of the key's units
	Approver      Role = "approver"      // confirms what others ask for, and writes nothing
	Incident      Role = "incident"      // finds out what went wrong, and stops it
	Auditor       Role = "auditor"       // reads the audit alone
	Administrator Role = "administrator" // keeps the machine running: carriers, dead letters' fate, API keys; no patient
)

// Roles lists all roles.
var Roles = []Role{Clerk, Approver, Incident, Auditor, Administrator}

// rights says which roles may call which operation. It is the only place that does: an operation that is not in it does not start.
// What a call is about is checked beside it, by the key's units: see about. The admin socket is not in it: whoever may open it may
// call everything, and an operation without a role is for the socket alone.
var rights = map[string][]Role{
	"status.show":         {Clerk, Approver, Incident, Auditor, Administrator},
	"carrier.list":        {Incident, Administrator},
	"carrier.test":        {Administrator},
	"reminder.list":       {Clerk, Incident},
	"reminder.show":       {Clerk, Incident},
	"reminder.release":    {Clerk},
	"reminder.cancel":     {Clerk},
	"letter.list":         {Clerk, Incident},
	"reminder.find":       {Clerk, Incident},
	"reminder.life":       {Clerk, Incident},
	"receipt.show":        {Clerk, Incident},
	"reminder.text":       {Clerk, Incident},
	"letter.done":         {Clerk},
	"letter.seen":         {Clerk, Incident},
	"day.show":            {Clerk, Approver, Incident, Administrator},
	"reply.take":          {Clerk},
	"misdelivery.take":    {Clerk, Incident},
	"misdelivery.done":    {Clerk, Incident},
	"address.unmask":      {Clerk, Incident},
	"attempt.list":        {Clerk, Incident},
	"attempt.settle":      {Clerk},
	"person.key":          {Clerk, Incident},
	"person.show":         {Clerk, Incident},
	"person.explain":      {Clerk, Incident},
	"consent.record":      {Clerk},
	"consent.export":      {Clerk},
	"address.record":      {Clerk},
	"address.ask":         {Clerk},
	"address.bar":         {Clerk, Incident},
	"code.send":           {Clerk},
	"code.check":          {Clerk},
	"address.wrong":       {Clerk, Incident},
	"reply.wishes":        {Clerk, Incident},
	"reply.done":          {Clerk},
	"reply.misdeliveries": {Clerk, Incident},
	"switch.list":         {Clerk, Approver, Incident, Administrator},
	"switch.set":          {Clerk, Incident, Administrator},
	"switch.confirm":      {Approver},
	"template.list":       {Clerk, Approver, Incident},
	"template.show":       {Clerk, Approver, Incident},
	"template.measure":    {Clerk, Approver},
	"template.save":       {Clerk},
	"template.approve":    {Approver},
	"template.unschedule": {Approver, Incident},
	"template.discard":    {Clerk, Approver},
	"template.rollback":   {Approver, Incident},
	"audit.list":          {Incident, Auditor},
	"dead.list":           {Incident, Administrator},
	"dead.show":           {Incident},
	"dead.replay":         {Incident, Administrator},
	"apikey.list":         {Administrator},
	"apikey.revoke":       {Administrator},
	"session.list":        {Administrator},
	"session.revoke":      {Administrator},
	"session.link":        {},
	"apikey.new":          {},
	"person.export":       {},
	"person.erase":        {},
	"person.merge":        {},
	"import.progress":     {},
	"import.rows":         {},
	"keys.holders":        {},
	"keys.forget":         {},
	"state.rebuild":       {},
}

// limits says whether a role's keys are for some units alone: they must be, may be, or can't be since what the role does is not a
// unit's.
var limits = map[Role]struct{ must, may bool }{
	Clerk:    {must: true, may: true},
	Approver: {may: true}, Incident: {may: true},
	Auditor: {}, Administrator: {},
}

// may reports whether a role may call an operation; the admin socket ("") may call all.
func (r Role) may(operation string) bool { return r == "" || slices.Contains(rights[operation], r) }
