package compose

// noticeText are the words of a notice to staff in one language. Its counts stand behind a colon, so that no word need bend to them.
type noticeText struct {
	subject string
	lead    string // {hours} is for how long
	wishes, misdeliveries, letters, doubts,
	held string
	foot string
}

// noticeWords are the notices by language. They are no templates: nobody edits them, for they go to no patient.
var noticeWords = map[string]noticeText{
	"da": {
		subject:       "Husk: noget venter på jer",
		lead:          "Dette har ventet mere end {hours} timer.",
		wishes:        "Ønsker om afbud",
		misdeliveries: "Beskeder, der er nået en forkert, og som ingen har taget sig af",
		letters:       "Breve, der skal skrives, og opkald, der skal foretages",
		doubts:        "Beskeder, hvor ingen ved, om de blev sendt",
		held:          "Tilbageholdte beskeder",
		foot:          "Husk har skrevet denne mail. Den indeholder kun antal og intet om nogen patient.",
	},
	"sv": {
		subject:       "Husk: något väntar på er",
		lead:          "Detta har väntat i mer än {hours} timmar.",
		wishes:        "Önskemål om avbokning",
		misdeliveries: "Meddelanden som har nått fel person och som ingen har tagit hand om",
		letters:       "Brev som ska skrivas och samtal som ska ringas",
		doubts:        "Meddelanden där ingen vet om de skickades",
		held:          "Stoppade meddelanden",
		foot:          "Husk har skrivit detta mejl. Det innehåller bara antal och inget om någon patient.",
	},
	"nb": {
		subject:       "Husk: noe venter på dere",
		lead:          "Dette har ventet i mer enn {hours} timer.",
		wishes:        "Ønsker om avbestilling",
		misdeliveries: "Meldinger som har nådd feil person, og som ingen har tatt seg av",
		letters:       "Brev som må skrives, og telefoner som må tas",
		doubts:        "Meldinger der ingen vet om de ble sendt",
		held:          "Tilbakeholdte meldinger",
		foot:          "Husk har skrevet denne e-posten. Den inneholder bare antall og ingenting om noen pasient.",
	},
	"fi": {
		subject:       "Husk: jotakin odottaa teitä",
		lead:          "Nämä ovat odottaneet yli {hours} tuntia.",
		wishes:        "Perumistoiveita",
		misdeliveries: "Väärälle henkilölle menneitä viestejä, joita kukaan ei ole ottanut hoitaakseen",
		letters:       "Kirjoitettavia kirjeitä ja soitettavia puheluja",
		doubts:        "Viestejä, joiden lähtemisestä kukaan ei tiedä",
		held:          "Pidätettyjä viestejä",
		foot:          "Husk on kirjoittanut tämän viestin. Siinä on vain lukumääriä eikä mitään kenestäkään potilaasta.",
	},
	"en": {
		subject:       "Husk: something waits for you",
		lead:          "These have waited more than {hours} hours.",
		wishes:        "Wishes to cancel",
		misdeliveries: "Messages that reached the wrong person, and that nobody has taken on",
		letters:       "Letters to write, and calls to make",
		doubts:        "Messages of which nobody knows whether they were sent",
		held:          "Messages that are held",
		foot:          "Husk wrote this mail. It holds counts alone, and nothing about any patient.",
	},
	"de": {
		subject:       "Husk: etwas wartet auf Sie",
		lead:          "Dies wartet seit mehr als {hours} Stunden.",
		wishes:        "Absagewünsche",
		misdeliveries: "Nachrichten, die eine falsche Person erreicht haben und um die sich niemand kümmert",
		letters:       "Zu schreibende Briefe und zu führende Anrufe",
		doubts:        "Nachrichten, von denen niemand weiß, ob sie gesendet wurden",
		held:          "Zurückgehaltene Nachrichten",
		foot:          "Husk hat diese E-Mail geschrieben. Sie enthält nur Anzahlen und nichts über irgendeinen Patienten.",
	},
}
