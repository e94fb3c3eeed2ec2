package inbound

// The words are a closed list. Those of STOP are what Nordic and European messages use, and the per-se words of 47 CFR
// 64.1200(a)(10) (stop, quit, end, revoke, opt out, unsubscribe) without "cancel": of an appointment reminder, cancelling,
// in any language, may mean the appointment. No Nordic authority or carrier publishes a list of its own.

// stopFirst are words and phrases that mean STOP when a text begins with them.
var stopFirst = phrases(
	"stop", "stopp", "stoppa", "stopall", "stop all", "stop alle", "stopp alle", // da nb sv en de
	"afmeld", "afmelding", "afmeldt", "frameld", "framelding", "meld fra", "meld mig fra", // da
	"avmeld", "avmelding", "meld av", "meld meg av", // nb
	"avregistrera", "avanmäl", "avanmälan", "avprenumerera", "stäng av", // sv
	"lopeta", "älä lähetä", // fi
	"abmelden", "abmeldung", // de
	"unsubscribe", "optout", "opt out", // en
	"désabonner",                              // fr
	"إيقاف", "توقف", "أوقف", "إلغاء الاشتراك", // ar
)

// stopWhole are words that mean STOP only when they are the whole text: within a sentence they say something else ("arrêt
// de travail" is sick leave, "wypisz receptę" asks for a prescription, "hætta við" cancels).
var stopWhole = phrases(
	"slut", "afslut", "nej stop", "venligst stop", // da
	"avslutt", "stans", "nei stopp", // nb
	"avsluta", "sluta", "nej stopp", // sv
	"hætta", "afskrá", "afskráning", // is
	"end", "quit", "revoke", "remove", "please stop", // en
	"arrêt", "arrêter", "rezygnuję", "wypisz", // fr pl
)

// appointmentWords tell that a text is about an appointment. With a STOP it goes to a clerk besides: "afmeld min tid" may
// be a cancellation, and a cancellation that nobody reads costs somebody else the time.
var appointmentWords = phrases(
	"tid", "tiden", "tider", "aftale", "aftalen", "besøg", "besøget", "undersøgelse", "undersøgelsen", // da
	"time", "timen", "timer", "avtale", "avtalen", "besøk", "besøket", "undersøkelse", // nb
	"besök", "besöket", "bokning", "bokningen", "undersökning", // sv
	"aika", "ajan", "aikani", "varaus", // fi
	"tími", "tíma", "tímann", "tímanum", // is
	"appointment", "booking", "visit", "termin", "rendez vous", "wizyta", "wizytę", "موعد", "الموعد", // en de fr pl ar
)

// startWhole lift a bar, when they are the whole text. YES and JA are not among them: they may confirm an appointment.
var startWhole = phrases(
	"start", "starta", "unstop", "resume", "start igen", "start igjen", "tilmeld", "tilmelding", "påmeld", "påmelding", "anmäl", "aloita", "byrja",
)

// helpWhole ask what this is, when they are the whole text.
var helpWhole = phrases(
	"help", "info", "hjælp", "hjelp", "hjälp", "hjálp", "apua", "hilfe", "aide", "pomoc", "مساعدة",
)

// wrongAnywhere say, wherever they stand, that the number or address is not that of the person we mean.
var wrongAnywhere = phrases(
	"forkert nummer", "forkert nr", "forkert tlf", "forkert telefonnummer", "forkert person", "forkert mail", "forkert adresse", // da
	"feil nummer", "feil nr", "feil telefonnummer", "feil person", "feil adresse", // nb
	"fel nummer", "fel nr", "fel telefonnummer", "fel person", "fel adress", // sv
	"wrong number", "wrong person", "wrong address", // en
	"väärä numero", "väärä henkilö", "rangt númer", "vitlaust númer", // fi is
	"falsche nummer", "mauvais numéro", "zły numer", "pomyłka", "رقم خاطئ", // de fr pl ar
)
