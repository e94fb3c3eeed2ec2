package redact

import (
	"strings"
	"unicode/utf8"
)

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
)

// lex is what the lexicon says of a word.
type lex struct {
	class class
	digit uint8 // value of a digit word
}

const (
	hashSeed  = 14695981039346656037 // FNV-1a, 64 bits
	hashPrime = 1099511628211
)

func hashWord(w string) uint64 {
	h := uint64(hashSeed)
	for i := 0; i < len(w); {
		if c := w[i]; c < 0x80 {
			h = (h ^ uint64(c|0x20)) * hashPrime
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(w[i:])
		h = (h ^ uint64(lowerRune(r))) * hashPrime
		i += n
	}
	return h
}

// lexTable finds words by their 64-bit hash, in an open table that is at most half full.
type lexTable [lexSlots]struct {
	hash uint64 // 0 = free
	lex  lex
}

const lexSlots = 1 << 13

// slot is where a hash stands, or would stand.
func (t *lexTable) slot(h uint64) int {
	i := int(h>>32) % lexSlots
	for t[i].hash != 0 && t[i].hash != h {
		i = (i + 1) % lexSlots
	}
	return i
}

func (t *lexTable) find(h uint64) lex { return t[t.slot(h)].lex }

func (t *lexTable) add(c class, words string) {
	for w := range strings.FieldsSeq(words) {
		h := hashWord(w)
		e := &t[t.slot(h)]
		e.hash = h
		e.lex.class |= c
	}
}

func (t *lexTable) addDigits(words string) {
	for i, w := range strings.Fields(words) {
		t.add(cDigitWord, w)
		t[t.slot(hashWord(w))].lex.digit = uint8(i % 10)
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
	t.add(cKin|cKinWeak, endings("mann man make ven vän venn barn kone partner kvinde", "- s"))
	// Finnish, with its possessive endings
	t.add(cKin, endings("puoliso vaimo isä äiti veli sisko sisar poika tytär lapsi naapuri mummo ukki vaari isoäiti isoisä huoltaja edunvalvoja avopuoliso serkku anoppi appi",
		"- n ni si nsa nsä nne mme"))
	t.add(cKin, endings("poja tyttäre miehe velje lapse sisare äidi aviomiehe mies aviomies", "- n ni si nsa nsä nne mme lle llesi stasi"))
	// Icelandic
	t.add(cKin, `maki maka eiginmaður eiginmanns eiginmanni eiginmann eiginkona eiginkonu sonur sonar syni dóttir dóttur móðir móður faðir föður bróðir bróður systir
		systur amma ömmu afi afa frændi frænda frænka frænku nágranni nágranna foreldri kærasti kærasta sambýlismaður barnabarn`)
	// German
	t.add(cKin|cGerman, endings(`Ehemann Ehefrau Sohn Tochter Mutter Vater Bruder Schwester Onkel Tante Nachbar Nachbarin Großmutter Großvater Oma Opa Enkel Enkelin
		Lebensgefährte Lebensgefährtin Partnerin Betreuer Betreuerin Freundin Schwager Schwägerin Cousin Cousine Gatte Gattin`, "- s es"))
	// English
	t.add(cKin, endings(`husband wife daughter mother father brother sister uncle aunt neighbour neighbor grandmother grandfather grandma grandpa grandson
		granddaughter boyfriend girlfriend spouse stepfather stepmother nephew guardian mum dad mom`, "- s"))
	t.add(cKin|cKinWeak, "barnet friend child kid kids children carer")

	t.add(cKin|cGerman|cKinWeak, "kind kindes partner freund mann frau")
	t.add(cTitle, endings(`overlæge læge speciallæge reservelæge afdelingslæge doktor dr sygeplejerske jordemoder fysioterapeut ergoterapeut psykolog professor
		tandlæge bioanalytiker kirurg hr fru frk frøken overlege lege sykepleier jordmor tannlege herr läkare överläkare sjuksköterska barnmorska
		tandläkare kurator sköterska doktorn läkaren lægen legen lääkäri ylilääkäri hoitaja sairaanhoitaja kätilö hammaslääkäri tohtori læknir lækni
		hjúkrunarfræðingur ljósmóðir arzt ärztin oberarzt oberärztin schwester frau hebamme chefarzt prof doctor nurse midwife surgeon mr mrs ms miss sir`, "-"))
	t.add(cGreet, "hej hejsa kære kær goddag hei kjære kära käre hallå hallo hyvä moi terve sæl sæll kæri kæra liebe lieber hi dear hello")
	t.add(cFill, `der som hedder heter ved navn med navnet vid namn nimeltä nimi að nafni heitir namens mit dem namen called named is er är heißt`)
	t.add(cPossessive, `din dit dine jeres deres hans hendes sin sit sine min mit mine vores vor ditt deras hennes ert era er ditt mitt vår deira dykkar
		your his her their my our dein deine deinem deinen deiner ihr ihre ihrem ihren ihrer ihres sein seine seinem seinen seiner unser unsere
		þinn þín þinni þínum þína þinnar hans hennar sinn sín sinuun sinun teidän hänen minun`)
	t.add(cCalendar, `monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october november december
		montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag januar februar märz mai juni juli oktober dezember mandag tirsdag onsdag
		torsdag fredag lørdag søndag marts maj måndag tisdag lördag söndag januari februari augusti maanantai tiistai keskiviikko torstai perjantai
		lauantai sunnuntai mars desember`)
	t.add(cCommon, `termin termine uhr patient patienten praxis klinik krankenhaus arzttermin sprechstunde bitte kommen alle there sir madam all og och und ja and
		hospital hospitalet sygehus sygehuset sygehusvæsenet universitetshospital sjukhus sjukhuset sykehus sykehuset sairaala region klinikken
		afdeling avdeling avdelning husk ring mød kom tid tiden kontakt du vi de har skal kan din dit dit i im in am um`)
	t.add(cStreet, `vej gade allé alle plads vænge stræde torv boulevard parken vei veien gate gata gaten vägen väg gatan torg torget plats katu tie kuja stígur
		vegur braut straße strasse weg platz street road avenue lane hus huset park kirke skole hospital`)

	t.add(cCode, `kode koden pinkode pin engangskode adgangskode bekræftelseskode kod koden engångskod kontrollkod engangskode koodi koodin kertakäyttökoodi
		vahvistuskoodi kóði öryggiskóði code einmalcode bestätigungscode passcode otp`)
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

	t.add(cHintDK, "cpr cprnr cprnummer personnr erstatningscpr erstatningspersonnummer ecpr")
	t.add(cHintSE, "personnummer pnr samordningsnummer reservnr reservnummer interimspersonnummer nrid reservid")
	t.add(cHintNO, "fnr fødselsnummer fødselsnr fodselsnummer dnummer hnummer")
	t.add(cHintFI, "hetu henkilötunnus henkilötunnuksesi sotu")
	t.add(cHintIS, "kt kennitala kennitölu kerfiskennitala")
	t.add(cHintDE, "steuer steuerid idnr kvnr steuernummer identifikationsnummer versichertennummer krankenversichertennummer")

	t.addDigits("nul en to tre fire fem seks syv otte ni")
	t.addDigits("null én to tre fire fem seks sju åtte ni")
	t.addDigits("noll ett två tre fyra fem sex sju åtta nio")
	t.addDigits("nul et tvo tre fire fem seks syv otte ni")
	t.addDigits("null eins zwei drei vier fünf sechs sieben acht neun")
	t.addDigits("zero one two three four five six seven eight nine")
	t.addDigits("nolla yksi kaksi kolme neljä viisi kuusi seitsemän kahdeksan yhdeksän")
	t.addDigits("núll einn tveir þrír fjórir fimm sex sjö átta níu")
	return t
}()
