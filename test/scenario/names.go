package scenario

import "github.com/husk-reminders/husk/pkg/reminder"

// given are the patients' given names, by country, as often met there as written by people who moved there.
var given = map[reminder.Country][]string{
	"DK": {"Anna", "Søren", "Freja", "Mikkel", "Aisha", "Jens", "Karen", "Oliver", "Birgit", "Mads", "Zahra", "Lone", "Rasmus", "Ida", "Åse", "Emil", "Mohammed", "Kirsten"},
	"SE": {"Astrid", "Björn", "Elsa", "Lars", "Amira", "Sven", "Märta", "Hugo", "Ebba", "Nils", "Yusuf", "Gunilla", "Axel", "Linnéa", "Åke", "Maja", "Kerstin", "Ove"},
	"NO": {"Ingrid", "Odd", "Solveig", "Magnus", "Fatima", "Kåre", "Nora", "Sindre", "Liv", "Eirik", "Bilal", "Turid", "Jonas", "Synnøve", "Håkon", "Thea", "Bjørg", "Arne"},
}

// otherNames are the names of the other people on a booking. None of them is a word a reminder needs; Build checks them
// against the unit directory.
var otherNames = map[reminder.Country][]string{
	"DK": {"Peter Kjærgaard", "Hanne Thygesen", "Viggo Frandsen", "Bodil Dalsgaard", "Omar Haddad", "Jytte Mikkelsen"},
	"SE": {"Göran Lindqvist", "Birgitta Wallin", "Torbjörn Ekdahl", "Samira Nazari", "Rune Sjögren", "Ulla Hedlund"},
	"NO": {"Terje Haugland", "Randi Myklebust", "Oddvar Tveit", "Layla Rahimi", "Geir Sørensen", "Wenche Aasen"},
}

// languages are those the patients of the scenario speak; each has templates.
var languages = []string{"da", "sv", "nb", "en"}

// messageLanguage is the language a patient is written in: her own where there is a template, else the unit's.
func messageLanguage(patient, unit string) string {
	patient = reminder.PrimaryLanguage(patient)
	for _, l := range languages {
		if l == patient {
			return l
		}
	}
	return unit
}
