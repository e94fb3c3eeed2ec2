package redact

import "strings"

// class says what a word means to the scanner; a word may have several.
type class uint32

const (
	cKin        class = 1 << iota // kinship and others near to a patient
	cKinWeak                      // with cKin: only behind a possessive ("man", "make", "ven")
	cGerman                       // with cKin: nouns are capitalised anyway, so nothing follows from the word before
	cTitle                        // staff and forms of address
	cGreet                        // "Hej", "Dear"
	cFill                         // "der hedder", "called"
	cPossessive                   // "din", "hendes"
	cCalendar                     // weekdays and months, capitalised in English and German
	cCommon                       // capitalised words that are no names
	cCode                         // labels of numbers, see shapes.go
	cRef
	cOrg
	cAccount
	cRoom
	cMoney
	cPhone
	cStreet
	cDomain
	cDigitWord
	cHintDK // labels of national ids
	cHintSE
	cHintNO
	cHintFI
	cHintIS
	cHintDE
	cHintReserve
	cHintDUF
	cAnd // "Anna og Karen"
)

// lex is what the lexicon says of a word.
type lex struct {
	class class
	digit uint8 // value of a digit word
	width uint8 // and how many digits it is written with
}

// hashWord is a hash of the word's bytes with the bit set that small letters have: of ASCII and, in UTF-8, of Latin-1. The words
// of the lexicon have no others.
func hashWord(w string) uint64 {
	const (
		small = 0x2020202020202020
		mix   = 0x9e3779b97f4a7c15
	)
	h := uint64(len(w))
	for len(w) >= 8 {
		h = (h ^ (eight(w) | small)) * mix
		h ^= h >> 32
		w = w[8:]
	}
	var rest uint64
	for i := range len(w) {
		rest |= uint64(w[i]|0x20) << (8 * i)
	}
	h = (h ^ rest) * mix
	return h ^ h>>32
}

// hashAt is hashWord of text[a:b].
func hashAt(text string, a, b int) uint64 {
	if n := b - a; n < 8 && a+8 <= len(text) { // most words
		const mix = 0x9e3779b97f4a7c15
		h := (uint64(n) ^ (eight(text[a:])|0x2020202020202020)&(1<<(8*n)-1)) * mix
		return h ^ h>>32
	}
	return hashWord(text[a:b])
}

// eight reads eight bytes as a number.
func eight(w string) uint64 {
	_ = w[7]
	return uint64(w[0]) | uint64(w[1])<<8 | uint64(w[2])<<16 | uint64(w[3])<<24 | uint64(w[4])<<32 | uint64(w[5])<<40 | uint64(w[6])<<48 | uint64(w[7])<<56
}

// lexTable finds words by half of their hash, in an open table that is at most half full; the other half says where to begin.
type lexTable [lexSlots]struct {
	lex lex
	tag uint32 // 0 = free
}

const lexSlots = 1 << 13

// slot is where a hash stands, or would stand.
func (t *lexTable) slot(h uint64) int {
	i, tag := int(uint32(h)>>8)%lexSlots, uint32(h>>32)|1
	for t[i].tag != 0 && t[i].tag != tag {
		i = (i + 1) % lexSlots
	}
	return i
}

func (t *lexTable) find(h uint64) lex { return t[t.slot(h)].lex }

func (t *lexTable) add(c class, words string) {
	for w := range strings.FieldsSeq(words) {
		h := hashWord(w)
		e := &t[t.slot(h)]
		e.tag = uint32(h>>32) | 1
		e.lex.class |= c
	}
}

// addDigits adds words for 0 to 9, in order.
func (t *lexTable) addDigits(words string) {
	for i, w := range strings.Fields(words) {
		t.addDigit(w, i, 1)
	}
}

func (t *lexTable) addDigit(word string, value int, width uint8) {
	t.add(cDigitWord, word)
	l := &t[t.slot(hashWord(word))].lex
	l.digit, l.width = uint8(value), width
}

// addTens adds words for 10 to 19, for 20, 30 … 90, and those for 21 to 99 that are made of a ten and a unit of 1 to 9: "ten unit", or
// "unit og ten" with a word between.
func (t *lexTable) addTens(teens, tens, units, between string) {
	for i, w := range strings.Fields(teens) {
		t.addDigit(w, 10+i, 2)
	}
	for i, ten := range strings.Fields(tens) {
		t.addDigit(ten, 20+10*i, 2)
		for k, unit := range strings.Fields(units) {
			w := ten + unit
			if between != "" {
				w = unit + between + ten
			}
			t.addDigit(w, 21+10*i+k, 2)
		}
	}
}

// endings adds each stem with each ending; "-" is none.
func endings(stems, ends string) string {
	var b strings.Builder
	for st := range strings.FieldsSeq(stems) {
		for e := range strings.FieldsSeq(ends) {
			b.WriteString(st + strings.TrimPrefix(e, "-") + " ")
		}
	}
	return b.String()
}

// lexicon holds the words of Danish, Swedish, Norwegian, Finnish, Icelandic, German and English that the rules lean on. A
// word that is missing costs a finding's name or a typed shape; the rules on digits do not lean on it.
var lexicon = func() *lexTable {
	t := new(lexTable)
	// Danish, Norwegian, Swedish
	t.add(cKin, endings(`mand kone søn datter mor far bror søster mormor morfar farmor farfar moster faster onkel tante nevø niece kæreste ægtefælle
		samlever nabo værge svigermor svigerfar svigersøn svigerdatter stedmor stedfar bedstemor bedstefar barnebarn fætter kusine kollega veninde
		pårørende forælder mamma pappa sønn datter ektefelle samboer kjæreste verge nabo bestemor bestefar barnebarn søsken fru son dotter mamma pappa
		syster granne sambo särbo maka brorson systerson svärmor svärfar förälder vårdnadshavare anhörig barnbarn kusin morbror farbror flickvän
		pojkvän fästman fästmö`, "- s"))
	t.add(cKin, `sønnen datteren manden konen moderen faderen moren faren broren broderen søsteren naboen kæresten ægtefællen værgen sønnens datterens mandens konens
		sønner døtre døtrene brødre søstre sonen dottern mannen frun modern fadern brodern systern grannen sønnens datterens kona mora sonens dotterns`)
	t.add(cKin, endings(endings("sted ste pleje foster bonus adoptiv halv pap sviger svär tvilling tvillinge olde",
		"mor far mamma pappa bror broder søster syster søn sønn son datter dotter barn børn forælder foreldre"), "- s en n a"))
	t.add(cKin, `hustru hustrus sønnerne døtrene børn børns børnene børnenes barna barnas barnen barnens sønnene døtrene söner sönerna döttrar döttrarna tvilling tvillingen
		tvillinger tvillingerne tvillingar tvillingarna tvillingene trillinger forældre forældrene foreldrene foreldre föräldrar barnet barnets dattera dottera dottera
		mora bestemora bestemoren bestefaren søstera systera broren kjæresten kæresten fostermor far faren kjerring gubben samboeren sambon makan svigerinde svoger
		svåger svägerska svigerinne besteforeldre oldemor oldefar tippoldemor niesen nevøen onkelen tanten nærmeste verjen hjelpeverge formynder plejebarn`)
	t.add(cKin|cKinWeak, endings("mann man make ven vän venn barn kone partner kvinde", "- s"))
	// Finnish, with its possessive endings
	t.add(cKin, endings("puoliso vaimo vaimo isä äiti veli aviovaimo tyttöystävä poikaystävä kihlattu täti setä eno kummi kaksonen anoppi sisko sisar poika tytär lapsi naapuri mummo ukki vaari isoäiti isoisä huoltaja edunvalvoja avopuoliso serkku anoppi appi",
		"- n ni si nsa nsä nne mme"))
	t.add(cKin, endings("poja tyttäre miehe velje lapse sisare äidi aviomiehe mies aviomies", "- n ni si nsa nsä nne mme lle llesi stasi"))
	// Icelandic
	t.add(cKin, `maki maka eiginmaður eiginmanns eiginmanni eiginmann eiginkona eiginkonu sonur sonar syni dóttir dóttur móðir móður faðir föður bróðir bróður systir
		systur amma ömmu afi afa frændi frænda frænka frænku nágranni nágranna foreldri kærasti kærasta sambýlismaður barnabarn
		konan konuna konunni konunnar maðurinn manninn manninum mannsins sonurinn soninn dóttirin dótturina mamma mömmu pabbi pabba börn barnið barnsins tengdamóðir
		tengdamóður tengdafaðir mágur mágkona systkini tvíburi tvíburar forráðamaður`)
	// German
	t.add(cKin|cGerman, endings(`Ehemann Ehefrau Sohn Tochter Mutter Vater Bruder Schwester Onkel Tante Nachbar Nachbarin Großmutter Großvater Oma Opa Enkel Enkelin
		Lebensgefährte Lebensgefährtin Partnerin Betreuer Betreuerin Freundin Schwager Schwägerin Cousin Cousine Gatte Gattin Schwiegermutter Schwiegervater Schwiegersohn Schwiegertochter Stiefsohn Stieftochter Stiefmutter Stiefvater
		Pflegemutter Pflegevater Pflegekind Zwilling Neffe Nichte Enkelin Enkelkind Mama Papa Verlobte Verlobter Lebenspartner Lebenspartnerin`, "- s es"))
	t.add(cKin|cGerman, "kinder kindern söhne söhnen töchter töchtern eltern zwillinge großeltern")
	// English
	t.add(cKin, endings(`husband wife daughter mother father brother sister uncle aunt neighbour neighbor grandmother grandfather grandma grandpa grandson
		granddaughter boyfriend girlfriend spouse stepfather stepmother nephew niece guardian mum dad mom stepson stepdaughter stepbrother stepsister foster twin fiancé fiancée fiance fiancee granny
		nan grandchild godfather godmother flatmate roommate caregiver`, "- s"))
	t.add(cKin, "twins parents grandparents grandchildren")
	t.add(cKin|cKinWeak, "son sons friend child kid kids children carer")

	t.add(cKin|cGerman|cKinWeak, "kind kindes partner freund mann frau")
	t.add(cTitle, endings(`overlæge læge speciallæge reservelæge afdelingslæge doktor dr sygeplejerske jordemoder fysioterapeut ergoterapeut psykolog professor
		tandlæge bioanalytiker kirurg hr fru frk frøken overlege lege sykepleier jordmor tannlege herr läkare överläkare sjuksköterska barnmorska
		tandläkare kurator sköterska doktorn läkaren lægen legen lääkäri ylilääkäri hoitaja sairaanhoitaja kätilö hammaslääkäri tohtori læknir lækni
		hjúkrunarfræðingur ljósmóðir arzt ärztin oberarzt oberärztin schwester frau hebamme chefarzt prof doctor nurse midwife surgeon mr mrs ms miss sir`, "-"))
	t.add(cGreet, "hej hejsa kære kær goddag hei kjære kära käre hallå hallo hyvä moi terve sæl sæll kæri kæra liebe lieber hi dear hello")
	t.add(cFill, `law der som hedder heter ved navn med navnet vid namn nimeltä nimi að nafni heitir namens mit dem namen called named is er är heißt`)
	t.add(cPossessive, `di si mi våre våra dina hans hennar din dit dine jeres deres hans hendes sin sit sine min mit mine vores vor ditt deras hennes ert era er ditt mitt vår deira dykkar
		your his her their my our dein deine deinem deinen deiner ihr ihre ihrem ihren ihrer ihres sein seine seinem seinen seiner unser unsere
		þinn þín þinni þínum þína þinnar hans hennar sinn sín sinuun sinun teidän hänen minun`)
	t.add(cCalendar, `monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october november december
		montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag januar februar märz mai juni juli oktober dezember mandag tirsdag onsdag
		torsdag fredag lørdag søndag marts maj måndag tisdag lördag söndag januari februari augusti maanantai tiistai keskiviikko torstai perjantai
		lauantai sunnuntai mars desember`)
	t.add(cCommon, `termin termine uhr patient patienten praxis klinik krankenhaus arzttermin sprechstunde bitte kommen alle there sir madam all og och und ja and
		hospital hospitalet sygehus sygehuset sygehusvæsenet universitetshospital sjukhus sjukhuset sykehus sykehuset sairaala region klinikken
		afdeling avdeling avdelning husk ring mød kom tid tiden kontakt du vi de har skal kan din dit dit i im in am um
		desværre tyvärr dessverre velkommen välkommen tervetuloa velkomin willkommen welcome tak tack takk kiitos danke thanks thank bemærk obs nej nei nein no muista
		patientens patienternas potilaan deres dagens huom muistathan please note remember tid time tiden timen aftale avtale besøg besök aika aikasi tími tíminn appointment reminder påmindelse påminnelse muistutus
		nu nå nyt ny new nyhed info information hjem sms mail email svar ring gå tag ta med medbring mød möt møt
		mr ct mri ekg eeg emg pet ul kol hpv cpr obs ps nb stop id tv wc pc eu dk covid mrsa crp hiv usa uk pdf app nem mit sundhed`)
	t.add(cAnd, "og och und and ja ogso sowie sekä")
	t.add(cStreet, `vej gade allé alle plads vænge stræde torv boulevard parken vei veien gate gata gaten vägen väg gatan torg torget plats katu tie kuja stígur
		vegur braut straße strasse weg platz street road avenue lane hus huset park kirke skole hospital`)

	t.add(cCode, `kode koden pinkode pin engangskode engangskoden engangskod engångskoden adgangskode adgangskoden verifiseringskode pin-kode bekræftelseskode kod koden engångskod kontrollkod engangskode koodi koodin kertakäyttökoodi
		vahvistuskoodi kóði kóðinn öryggiskóði öryggiskóðinn koodisi kertakoodi code einmalcode bestätigungscode passcode otp`)
	t.add(cRef, `ref referencenr referencenummer reference referens referensnummer referanse referansenummer viite viitenumero tilvísun aktenzeichen vorgang
		vorgangsnummer sag sagsnr sagsnummer sak saksnr saksnummer ärende ärendenr ärendenummer dnr diarienr diarienummer journalsag booking bookingnr
		bookingnummer bokningsnr bokningsnummer bestilling bestillingsnr ordre ordrenr ordrenummer order ordernr faktura fakturanr fakturanummer invoice
		rechnung rechnungsnummer lasku laskunumero málsnr málsnúmer reikningur kvittering kvitto ydernr ydernummer sor sks shak varenr serienr
		tracking forsendelse pakke pakkenr kollinr kolli sending ocr kid case ticket løbenr varausnumero varaus tilaus bokun bókunarnúmer kundenr kundenummer kundennummer medlemsnr medlemsnummer bokn
		buchungsnummer asiakasnumero jäsennumero serienummer journalnr journalnummer`)
	t.add(cOrg, `cvr cvrnr se org orgnr organisationsnummer organisasjonsnummer organisationsnr organisasjonsnr tunnus ytunnus y vat moms momsnr mva ust ustid ean
		eannr gln gtin isbn kennitala virksomhed foretaksregisteret lokationsnummer`)
	t.add(cAccount, "swish mobilepay konto kontonr kontonummer bankkonto bankgiro bg plusgiro pg giro girokonto tilinumero tili reikningsnúmer account iban reg regnr")
	t.add(cRoom, `stue stuen rum rummet rom rommet lokale lokalet værelse afsnit opgang indgang ingång inngang etage huone huoneeseen sali osasto kerros zimmer raum
		room stofa stofu herbergi ward afdeling afdelingen avdeling avdelning våning plan port bygning byggnad bygg sal hus`)
	t.add(cMoney, "kr dkk sek nok isk eur euro kroner kronor krónur krone euroa chf usd")
	t.add(cPhone, `tlf tel telefon telefonnr telefonnummer mobil mobilnr mobilnummer ring ringe ringa fax puh puhelin puhelinnumero soita sími síma símanúmer hringdu
		phone call mobile handy anrufen`)
	t.add(cDomain, "dk se no fi is de gl fo nu com net org eu info io app biz link ly me co health")

	t.add(cHintDK, "cpr cprnr cprnummer erstatningscpr erstatningspersonnummer ecpr")
	t.add(cHintSE, "personnummer pnr samordningsnummer reservnr reservnummer interimspersonnummer nrid reservid")
	t.add(cHintReserve, "reservnr reservnummer reserv reservid nrid")
	t.add(cHintDUF, "duf dufnr dufnummer")
	t.add(cHintNO, "fnr fødselsnummer fødselsnr fodselsnummer dnummer hnummer")
	t.add(cHintFI, "hetu henkilötunnus henkilötunnuksesi henkilötunnuksen sotu")
	t.add(cHintIS, "kt kennitala kennitölu kerfiskennitala")
	t.add(cHintDE, "steuer steuerid idnr kvnr steuernummer identifikationsnummer versichertennummer versicherten versichertennr krankenversichertennummer")

	t.addDigits("nul en to tre fire fem seks syv otte ni")
	t.addDigits("null én to tre fire fem seks sju åtte ni")
	t.addDigits("noll ett två tre fyra fem sex sju åtta nio")
	t.addDigits("nul et tvo tri fire fem seks syv åtte ni")
	t.addDigits("null ein tvo tre fire fem seks sju åtte ni")
	t.addDigits("null ei tvau tre fire fem seks sjau ått ni")
	t.addDigits("null eitt tvey trý fýra fimm seks sjey átta níggju")
	t.addDigits("null eins zwei drei vier fünf sechs sieben acht neun")
	t.addDigits("null eine zwo drei vier fünf sechs sieben acht neun")
	t.addDigits("zero one two three four five six seven eight nine")
	t.addDigits("nolla yksi kaksi kolme neljä viisi kuusi seitsemän kahdeksan yhdeksän")
	t.addDigits("núll einn tveir þrír fjórir fimm sex sjö átta níu")
	t.addDigits("núll eitt tvö þrjú fjögur fimm sex sjö átta níu")
	t.addTens("ti elleve tolv tretten fjorten femten seksten sytten atten nitten", "tyve tredive fyrre halvtreds tres halvfjerds firs halvfems",
		"en to tre fire fem seks syv otte ni", "og")
	t.addTens("tio elva tolv tretton fjorton femton sexton sjutton arton nitton", "tjugo trettio fyrtio femtio sextio sjuttio åttio nittio",
		"ett två tre fyra fem sex sju åtta nio", "")
	t.addTens("ti elleve tolv tretten fjorten femten seksten søtten atten nitten", "tjue tretti førti femti seksti sytti åtti nitti",
		"en to tre fire fem seks sju åtte ni", "")
	return t
}()
